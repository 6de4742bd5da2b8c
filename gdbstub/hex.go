package gdbstub

import (
	"encoding/hex"
	"strconv"
	"strings"
)

const hexDigits = "0123456789abcdef"

func appendHex(dst, data []byte) []byte { return hex.AppendEncode(dst, data) }

// appendHexLE appends v as the eight digits of its bytes, lowest first.
func appendHexLE(dst []byte, v uint32) []byte {
	for range 4 {
		dst = append(dst, hexDigits[v>>4&15], hexDigits[v&15])
		v >>= 8
	}
	return dst
}

// hexPair parses two hexadecimal numbers with sep between them.
func hexPair(s string, sep byte) (a, b uint64, ok bool) {
	l, r, ok := strings.Cut(s, string(sep))
	if !ok {
		return 0, 0, false
	}
	a, err := strconv.ParseUint(l, 16, 64)
	if err != nil {
		return 0, 0, false
	}
	b, err = strconv.ParseUint(r, 16, 64)
	return a, b, err == nil
}
