package rsp

import (
	"errors"
	"fmt"
)

// escapeMask turns an escaped byte into what follows the escape and back.
const escapeMask = 0x20

// minRepeat is what is subtracted from the character after '*' to get the
// number of further repetitions.
const minRepeat = 29

var hexDigits = []byte("0123456789abcdef")

// AppendFrame appends payload framed as a packet, "$payload#checksum", to dst.
// payload must already be escaped.
func AppendFrame(dst, payload []byte) []byte {
	dst = append(dst, '$')
	dst = append(dst, payload...)
	sum := Checksum(payload)
	return append(dst, '#', hexDigits[sum>>4], hexDigits[sum&15])
}

// Checksum returns the sum modulo 256 of the bytes between '$' and '#'.
func Checksum(payload []byte) byte {
	var sum byte
	for _, b := range payload {
		sum += b
	}
	return sum
}

// AppendEscaped appends data to dst with every byte that means something to the
// framing escaped. '*' is among them because in replies it starts a run.
func AppendEscaped(dst, data []byte) []byte {
	for _, b := range data {
		switch b {
		case '$', '#', '}', '*':
			dst = append(dst, '}', b^escapeMask)
		default:
			dst = append(dst, b)
		}
	}
	return dst
}

// AppendEscapedMax is AppendEscaped for as much of data as fits in max bytes of
// output. It also returns how many bytes of data that was.
func AppendEscapedMax(dst, data []byte, max int) ([]byte, int) {
	start := len(dst)
	for i, b := range data {
		need := 1
		switch b {
		case '$', '#', '}', '*':
			need = 2
		}
		if len(dst)-start+need > max {
			return dst, i
		}
		if need == 2 {
			dst = append(dst, '}', b^escapeMask)
		} else {
			dst = append(dst, b)
		}
	}
	return dst, len(data)
}

// Unescape reverses AppendEscaped. It fails on an escape with nothing after it.
func Unescape(payload []byte) ([]byte, error) {
	out := make([]byte, 0, len(payload))
	for i := 0; i < len(payload); i++ {
		b := payload[i]
		if b == '}' {
			i++
			if i == len(payload) {
				return nil, errors.New("packet ends inside an escape")
			}
			b = payload[i] ^ escapeMask
		}
		out = append(out, b)
	}
	return out, nil
}

// Expand undoes run-length encoding: "0* " is "0000". An escaped byte is left as
// it is, so Expand goes before Unescape. The result is limited to limit bytes,
// because a short packet can stand for one almost a hundred times longer.
func Expand(payload []byte, limit int) ([]byte, error) {
	out := make([]byte, 0, len(payload))
	for i := 0; i < len(payload); i++ {
		b := payload[i]
		if b != '*' {
			out = append(out, b)
			if b == '}' && i+1 < len(payload) {
				i++
				out = append(out, payload[i])
			}
			continue
		}
		i++
		if i == len(payload) || len(out) == 0 {
			return nil, errors.New("run-length code without a count or without a byte to repeat")
		}
		count := int(payload[i]) - minRepeat
		if count < 1 || payload[i] > 126 {
			return nil, fmt.Errorf("run-length count %q is out of range", payload[i])
		}
		last := out[len(out)-1]
		for range count {
			out = append(out, last)
		}
		if len(out) > limit {
			return nil, fmt.Errorf("packet expands to more than %d bytes", limit)
		}
	}
	return out, nil
}

// hexValue returns the value of a hexadecimal digit, or -1.
func hexValue(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b >= 'a' && b <= 'f':
		return int(b-'a') + 10
	case b >= 'A' && b <= 'F':
		return int(b-'A') + 10
	}
	return -1
}
