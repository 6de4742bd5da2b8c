package gdbview

import "testing"

func TestFrameMapRoundTrip(t *testing.T) {
	f, ok := NewFrameMap(StackTop, 3, 2)
	if !ok {
		t.Fatal("the outermost frame does not fit")
	}
	if got, want := f.Top-f.Bottom(), uint32(FrameSize(3, 2)); got != want {
		t.Errorf("frame takes %d bytes, FrameSize says %d", got, want)
	}
	for i := range 3 {
		for off := range uint32(SlotSize) {
			s, ok := f.SlotAt(f.LocalAddr(i) + off)
			if want := (Slot{SlotLocal, i, off}); !ok || s != want {
				t.Errorf("local %d+%d: %v %v", i, off, s, ok)
			}
		}
	}
	for j := range 2 {
		for off := range uint32(SlotSize) {
			s, ok := f.SlotAt(f.OperandAddr(j) + off)
			if want := (Slot{SlotOperand, j, off}); !ok || s != want {
				t.Errorf("operand %d+%d: %v %v", j, off, s, ok)
			}
		}
	}
	for off := range uint32(frameLinkSize) {
		s, ok := f.SlotAt(f.EBP + off)
		if want := (Slot{SlotLink, 0, off}); !ok || s != want {
			t.Errorf("link+%d: %v %v", off, s, ok)
		}
	}
	for _, addr := range []uint32{f.Top, f.Bottom() - 1, 0} {
		if s, ok := f.SlotAt(addr); ok {
			t.Errorf("%#x is outside the frame, got %v", addr, s)
		}
	}
}

func TestNewFrameMapLimits(t *testing.T) {
	room := int(StackTop-StackBottom-frameLinkSize) / SlotSize
	tests := []struct {
		name     string
		top      uint32
		locals   int
		maxStack int
		ok       bool
	}{
		{"no locals", StackTop, 0, 0, true},
		{"fills the stack", StackTop, room, 0, true},
		{"one local too many", StackTop, room + 1, 0, false},
		{"one operand too many", StackTop, room, 1, false},
		{"starts at the bottom", StackBottom, 0, 0, false},
		{"starts above the stack", StackTop + 16, 0, 0, false},
		{"starts below the stack", StackBottom - 16, 0, 0, false},
		{"absurd", StackTop, 1 << 40, 1 << 40, false},
	}
	for _, tt := range tests {
		if _, ok := NewFrameMap(tt.top, tt.locals, tt.maxStack); ok != tt.ok {
			t.Errorf("%s: fits = %v, want %v", tt.name, ok, tt.ok)
		}
	}
}

func TestExtentRegion(t *testing.T) {
	e := Extent{Memory: 0x20000, Globals: 3, Code: 0x100}
	huge := Extent{Memory: 1 << 32}
	tests := []struct {
		name   string
		e      Extent
		addr   uint32
		region Region
		length uint32
	}{
		{"first byte of memory", e, 0, RegionMemory, 0x20000},
		{"last byte of memory", e, 0x1ffff, RegionMemory, 1},
		{"after memory", e, 0x20000, RegionNone, 0},
		{"memory under the globals", huge, GlobalBase - 1, RegionMemory, 1},
		{"global 0", e, GlobalBase, RegionGlobals, 48},
		{"after the globals", e, GlobalBase + 48, RegionNone, 0},
		{"code", e, CodeBase + 1, RegionCode, 0xff},
		{"after the code", e, CodeBase + 0x100, RegionNone, 0},
		{"bottom of the stack", e, StackBottom, RegionStack, StackTop - StackBottom},
		{"top of the stack", e, StackTop - 1, RegionStack, 1},
		{"above the stack", e, StackTop, RegionNone, 0},
		{"last address", e, 0xffffffff, RegionNone, 0},
	}
	for _, tt := range tests {
		r, n := tt.e.Region(tt.addr)
		if r != tt.region || n != tt.length {
			t.Errorf("%s: region %d length %#x, want %d %#x", tt.name, r, n, tt.region, tt.length)
		}
	}
}

func TestCodeAndGlobalAddresses(t *testing.T) {
	if pc, ok := PC(CodeAddr(0x1234)); !ok || pc != 0x1234 {
		t.Errorf("pc %#x %v", pc, ok)
	}
	for _, addr := range []uint32{CodeBase - 1, StackBottom} {
		if pc, ok := PC(addr); ok {
			t.Errorf("%#x is not code, got pc %#x", addr, pc)
		}
	}
	if g, off, ok := GlobalAt(GlobalAddr(7) + 3); !ok || g != 7 || off != 3 {
		t.Errorf("global %d+%d %v", g, off, ok)
	}
	for _, addr := range []uint32{GlobalBase - 1, CodeBase} {
		if _, _, ok := GlobalAt(addr); ok {
			t.Errorf("%#x is not a global", addr)
		}
	}
}
