package gdbview

import (
	"encoding/binary"
	"math"
	"math/big"
	"testing"
)

func TestExtended(t *testing.T) {
	for _, tt := range []struct {
		name     string
		in       float64
		exp      uint16
		mantissa uint64
	}{
		{"zero", 0, 0, 0},
		{"minus zero", math.Copysign(0, -1), 0x8000, 0},
		{"one", 1, 0x3fff, 1 << 63},
		{"minus 1.5", -1.5, 0xbfff, 3 << 62},
		{"pi", math.Pi, 0x4000, 0xc90fdaa22168c000},
		{"max", math.MaxFloat64, 0x43fe, 0xfffffffffffff800},
		{"smallest normal", 0x1p-1022, 0x3c01, 1 << 63},
		{"largest subnormal", 0x1p-1022 - 0x1p-1074, 0x3c00, 0xfffffffffffff000},
		{"smallest subnormal", math.SmallestNonzeroFloat64, 0x3bcd, 1 << 63},
		{"infinity", math.Inf(1), 0x7fff, 1 << 63},
		{"minus infinity", math.Inf(-1), 0xffff, 1 << 63},
	} {
		b := extended(math.Float64bits(tt.in))
		mantissa, exp := binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint16(b[8:])
		if exp != tt.exp || mantissa != tt.mantissa {
			t.Errorf("%s: %04x %016x, want %04x %016x", tt.name, exp, mantissa, tt.exp, tt.mantissa)
		}
	}
}

func TestExtendedNaN(t *testing.T) {
	b := extended(0xfff4000000000001) // negative, signalling
	mantissa, exp := binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint16(b[8:])
	if exp != 0xffff || mantissa != 1<<63|0x4000000000001<<11 {
		t.Errorf("%04x %016x", exp, mantissa)
	}
}

// FuzzExtended checks that the number read back as exponent and mantissa is the
// same.
func FuzzExtended(f *testing.F) {
	f.Add(uint64(1))
	f.Add(math.Float64bits(-2.25))
	f.Fuzz(func(t *testing.T, bits uint64) {
		want := math.Float64frombits(bits)
		if math.IsNaN(want) || math.IsInf(want, 0) {
			return
		}
		b := extended(bits)
		mantissa, exp := binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint16(b[8:])
		v := new(big.Float).SetUint64(mantissa)
		v.SetMantExp(v, int(exp&0x7fff)-16383-63)
		if exp>>15 != 0 {
			v.Neg(v)
		}
		if got, _ := v.Float64(); math.Float64bits(got) != bits {
			t.Errorf("%x: %v, want %v", bits, got, want)
		}
	})
}

func TestWiden(t *testing.T) {
	for _, tt := range []struct {
		in   uint32
		want uint64
	}{
		{math.Float32bits(1.5), math.Float64bits(1.5)},
		{math.Float32bits(-math.MaxFloat32), math.Float64bits(-math.MaxFloat32)},
		{1, math.Float64bits(math.SmallestNonzeroFloat32)},
		{0x7f800000, 0x7ff0000000000000},
		{0xff800001, 0xfff0000020000000}, // a signalling NaN stays one
		{0x7fc12345, 0x7ff82468a0000000},
	} {
		if got := widen(tt.in); got != tt.want {
			t.Errorf("widen(%08x) = %016x, want %016x", tt.in, got, tt.want)
		}
	}
}

// FuzzNarrowed checks that narrowing undoes extending.
func FuzzNarrowed(f *testing.F) {
	for _, v := range []float64{0, 1, -2.25, math.Pi, math.MaxFloat64, 0x1p-1022, math.SmallestNonzeroFloat64, math.Inf(-1)} {
		f.Add(math.Float64bits(v))
	}
	f.Fuzz(func(t *testing.T, bits uint64) {
		if got := narrowed(extended(bits)); got != bits {
			t.Errorf("%#x comes back as %#x", bits, got)
		}
	})
}
