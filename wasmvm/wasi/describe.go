package wasi

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Write is one write of a call to memory.
type Write struct {
	Addr uint32
	Data []byte
}

// maxShown is how many bytes of a text or a buffer a description shows.
const maxShown = 48

// Describe shows a call in one line, for example
//
//	fd_write(fd=1, iovs=[6 bytes "hello\n"]) -> 0 (nwritten=6)
//
// mem is the memory before the call; with nil, the texts are left out. errno is
// the call's result and writes what it wrote. Results are shown as far as they
// were written.
func (f *Func) Describe(args []uint64, mem []byte, errno uint32, writes []Write) string {
	call := f.DescribeCall(args, mem)
	switch {
	case !f.HasErrno:
		return call
	case errno != errnoSuccess:
		return call + " -> " + ErrnoName(errno)
	}
	if results := f.describeResults(args, mem, writes); results != "" {
		return call + " -> 0 (" + results + ")"
	}
	return call + " -> 0"
}

// DescribeCall shows a call without its result.
func (f *Func) DescribeCall(args []uint64, mem []byte) string {
	if len(args) != len(f.Params) {
		return fmt.Sprintf("%s%v", f.Name, args)
	}
	var shown []string
	for i := range f.Params {
		if text := f.describeParam(i, args, mem); text != "" {
			shown = append(shown, text)
		}
	}
	return f.Name + "(" + strings.Join(shown, ", ") + ")"
}

// describeParam returns "name=value", or nothing for parameters that say only
// where a result goes.
func (f *Func) describeParam(i int, args []uint64, mem []byte) string {
	p, v := f.Params[i], args[i]
	value := ""
	switch p.Kind {
	case KindInt:
		value = strconv.FormatInt(signed(v, p.Wide), 10)
	case KindFD:
		value = strconv.FormatInt(signed(v, false), 10)
	case KindFlags:
		value = "0x" + strconv.FormatUint(v, 16)
	case KindClock:
		value = clockName(v)
	case KindTime:
		value = timestamp(v)
	case KindPath:
		value = describePath(args[i:], mem)
	case KindReadVec:
		value = describeVec(uint32(args[i]), uint32(args[i+1]), mem, false)
	case KindWriteVec:
		value = describeVec(uint32(args[i]), uint32(args[i+1]), mem, true)
	case KindBuffer:
		value = fmt.Sprintf("0x%x[%d]", uint32(v), uint32(args[i+1]))
	case KindPointer, KindSubscriptions:
		value = fmt.Sprintf("0x%x", uint32(v))
	default: // KindLen belongs to the one before, KindResult is shown as a result
		return ""
	}
	return p.Name + "=" + value
}

func signed(v uint64, wide bool) int64 {
	if wide {
		return int64(v)
	}
	return int64(int32(v))
}

func clockName(id uint64) string {
	names := [...]string{"realtime", "monotonic", "process_cputime", "thread_cputime"}
	if id < uint64(len(names)) {
		return names[id]
	}
	return strconv.FormatUint(id, 10)
}

// timestamp shows nanoseconds as seconds, which people can read.
func timestamp(ns uint64) string {
	const second = uint64(time.Second)
	return fmt.Sprintf("%d.%09ds", ns/second, ns%second)
}

func describePath(args []uint64, mem []byte) string {
	addr, n := uint32(args[0]), uint32(args[1])
	if mem == nil || !inside(mem, addr, n) {
		return fmt.Sprintf("0x%x[%d]", addr, n)
	}
	return quote(Range{addr, n}.Of(mem), 4*maxShown)
}

// describeVec shows the total size of the buffers, and of buffers to write out
// the text.
func describeVec(addr, count uint32, mem []byte, text bool) string {
	size := count * sizeIovec
	if mem == nil || !inside(mem, addr, size) {
		return fmt.Sprintf("0x%x[%d]", addr, count)
	}
	var room [8]Range
	buffers := appendIovecs(room[:0], Range{addr, size}.Of(mem), mem)
	var shown []byte
	total := uint64(0)
	for _, v := range buffers {
		total += uint64(v.Len)
		if part := v.Of(mem); text && len(shown) <= maxShown {
			shown = append(shown, part[:min(len(part), maxShown+1)]...)
		}
	}
	s := fmt.Sprintf("[%s", plural(total, "byte"))
	if len(buffers) > 1 {
		s += fmt.Sprintf(" in %d", len(buffers))
	}
	if text {
		s += " " + quote(shown, maxShown)
	}
	if uint64(len(buffers)) < uint64(size/sizeIovec) {
		s += ", then a wild pointer"
	}
	return s + "]"
}

func (f *Func) describeResults(args []uint64, mem []byte, writes []Write) string {
	if len(args) != len(f.Params) {
		return ""
	}
	switch f.effect {
	case effectRandom:
		return show(writes, uint32(args[0]))
	case effectDirName:
		return show(writes, uint32(args[1]))
	case effectArgs, effectEnviron:
		if data, ok := written(writes, uint32(args[1])); ok {
			return quote(data, maxShown)
		}
	}
	var parts []string
	for _, i := range f.results {
		if text := describeResult(f.Params[i], uint32(args[i]), writes); text != "" {
			parts = append(parts, text)
		}
	}
	switch f.effect {
	case effectReadlink:
		parts = append(parts, show(writes, uint32(args[3])))
	case effectRead, effectRecv:
		if text := describeRead(args, mem, writes); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ", ")
}

// describeRead shows what a read put into its first buffer, if anything.
func describeRead(args []uint64, mem []byte, writes []Write) string {
	if mem == nil || uint32(args[2]) == 0 || !inside(mem, uint32(args[1]), sizeIovec) {
		return ""
	}
	first := iovec(mem[uint32(args[1]):])
	data, ok := written(writes, first.Addr)
	if !ok || first.Len == 0 {
		return ""
	}
	return quote(data[:min(uint64(len(data)), uint64(first.Len))], maxShown)
}

func describeResult(p Param, addr uint32, writes []Write) string {
	data, ok := written(writes, addr)
	if !ok || len(data) < int(p.Size) {
		return ""
	}
	switch {
	case p.Name == "timestamp" || p.Name == "resolution":
		return timestamp(binary.LittleEndian.Uint64(data))
	case p.Size == 2:
		return fmt.Sprintf("%s=%d", p.Name, binary.LittleEndian.Uint16(data))
	case p.Size == 4:
		return fmt.Sprintf("%s=%d", p.Name, binary.LittleEndian.Uint32(data))
	case p.Name == "filestat":
		return fmt.Sprintf("%s, size=%d", fileType(data[16]), binary.LittleEndian.Uint64(data[32:]))
	case p.Name == "stat":
		return fileType(data[0])
	case p.Name == "prestat":
		return fmt.Sprintf("name_len=%d", binary.LittleEndian.Uint32(data[4:]))
	default:
		return fmt.Sprintf("%s=%d", p.Name, binary.LittleEndian.Uint64(data))
	}
}

func fileType(t byte) string {
	names := [...]string{"unknown", "block device", "character device", "directory",
		"regular file", "datagram socket", "stream socket", "symbolic link"}
	if int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("file type %d", t)
}

func show(writes []Write, addr uint32) string {
	data, _ := written(writes, addr)
	return quote(data, maxShown)
}

// written returns what was written from addr on, as far as one write goes.
func written(writes []Write, addr uint32) ([]byte, bool) {
	for _, w := range writes {
		if at := uint64(addr) - uint64(w.Addr); addr >= w.Addr && at < uint64(len(w.Data)) {
			return w.Data[at:], true
		}
	}
	return nil, false
}

// quote shows at most n bytes of b as a Go string.
func quote(b []byte, n int) string {
	if len(b) > n {
		return strconv.Quote(string(b[:n])) + "..."
	}
	return strconv.Quote(string(b))
}

func plural(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
