package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wrev/checkpoint"
)

// want is what a checkpoint has to be.
type want struct {
	position      uint64
	state, memory []byte
}

var testKey = Key{Recording: [32]byte{1, 2, 3}, State: "state-1"}

// fill changes a few pages of memory: some to noise, some to text, some to zeros.
func fill(r *rand.Rand, memory []byte) (changed []uint32) {
	for range 1 + r.IntN(4) {
		p := r.IntN(len(memory) / pageSize)
		page := memory[p*pageSize:][:pageSize]
		switch r.IntN(3) {
		case 0:
			clear(page)
		case 1:
			copy(page, strings.Repeat(fmt.Sprint(r.IntN(9)), pageSize))
		default:
			for i := range page {
				page[i] = byte(r.Uint32())
			}
		}
		changed = append(changed, uint32(p))
	}
	return changed
}

// save makes a cache of n checkpoints of a memory of the given size.
func save(t testing.TB, path string, s *checkpoint.Store, n, size int) []want {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(n), uint64(size)))
	w, err := Create(path, testKey, s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	memory := make([]byte, size)
	var wants []want
	var im *checkpoint.Image
	for i := range n {
		changed := fill(r, memory[:size/pageSize*pageSize])
		next, _ := s.Snapshot(im, memory, changed)
		if im != nil {
			im.Release()
		}
		im = next
		state := bytes.Repeat([]byte{byte(i), 7}, r.IntN(2*pageSize))
		if err := w.Add(Entry{uint64(i * 1000), uint32(i), state, im}); err != nil {
			t.Fatal(err)
		}
		wants = append(wants, want{uint64(i * 1000), state, bytes.Clone(memory)})
	}
	im.Release()
	if err := w.Commit(map[string][]byte{"end": []byte("the end"), "none": nil}); err != nil {
		t.Fatal(err)
	}
	return wants
}

// check compares a cache with what was saved: each checkpoint is right, or
// says that it is damaged. It returns how many are damaged.
func check(t testing.TB, c *Cache, wants []want) (damaged int) {
	t.Helper()
	if c.Len() != len(wants) {
		t.Fatalf("%d checkpoints, want %d", c.Len(), len(wants))
	}
	for i, w := range wants {
		at := c.At(i)
		if at.Position != w.position || at.Flags != uint32(i) || at.Memory.Size() != len(w.memory) {
			t.Fatalf("checkpoint %d is at %d with %d bytes", i, at.Position, at.Memory.Size())
		}
		state, err := c.State(i)
		if err == nil && !bytes.Equal(state, w.state) {
			t.Fatalf("checkpoint %d has another state", i)
		}
		memory := make([]byte, len(w.memory))
		_, lost := at.Memory.Restore(memory, nil, 0, nil)
		if lost == nil && !bytes.Equal(memory, w.memory) {
			t.Fatalf("checkpoint %d has another memory", i)
		}
		if err != nil && !errors.Is(err, ErrCorrupt) || lost != nil && !errors.Is(lost, checkpoint.ErrLost) {
			t.Fatalf("checkpoint %d: %v, %v", i, err, lost)
		}
		if err != nil || lost != nil {
			damaged++
		}
	}
	switch end, err := c.Extra("end"); {
	case errors.Is(err, ErrCorrupt):
		damaged++
	case err == nil && string(end) != "the end", err != nil && !errors.Is(err, ErrNoExtra):
		t.Fatalf("extra is %q, %v", end, err)
	}
	return damaged
}

func newStore() *checkpoint.Store { return checkpoint.NewStore(checkpoint.Options{HotBytes: 64 << 10}) }

func TestRoundTrip(t *testing.T) {
	for _, size := range []int{pageSize, 5*pageSize + 100, 3 << 20} {
		path := filepath.Join(t.TempDir(), "app.wrev.cache")
		wants := save(t, path, newStore(), 20, size)
		if st, err := os.Stat(path); err != nil || st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%v, %v", st.Mode(), err)
		}
		s := newStore()
		c, err := Open(path, testKey, s)
		if err != nil {
			t.Fatal(err)
		}
		if n := check(t, c, wants); n > 0 {
			t.Errorf("%d of a sound cache are damaged", n)
		}
		if end, err := c.Extra("end"); string(end) != "the end" || err != nil {
			t.Errorf("extra is %q, %v", end, err)
		}
		if none, err := c.Extra("none"); len(none) > 0 || err != nil {
			t.Errorf("extra is %q, %v", none, err)
		}
		if _, err := c.Extra("other"); !errors.Is(err, ErrNoExtra) {
			t.Error(err)
		}
		// What was loaded can be gone on from, and be saved again.
		again := filepath.Join(t.TempDir(), "again")
		w, err := Create(again, testKey, s, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.Len() {
			state, _ := c.State(c.Len() - 1 - i) // in any order
			at := c.At(c.Len() - 1 - i)
			if err := w.Add(Entry{at.Position, at.Flags, state, at.Memory}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Commit(nil); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.Close(), s.Close()); err != nil {
			t.Error(err)
		}
		if s.Pages() != 0 {
			t.Errorf("%d pages are left", s.Pages())
		}
		c, err = Open(again, testKey, newStore())
		if err != nil {
			t.Fatal(err)
		}
		check(t, c, wants)
		c.Close()
		if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
			t.Errorf("%q are left", left)
		}
	}
}

// TestImagesOutliveTheCache derives an image from a loaded one.
func TestImagesOutliveTheCache(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	wants := save(t, path, newStore(), 5, 100*pageSize)
	s := newStore()
	c, err := Open(path, testKey, s)
	if err != nil {
		t.Fatal(err)
	}
	im := c.At(4).Memory.Retain()
	c.Close()
	memory := make([]byte, len(wants[4].memory)+pageSize)
	if _, err := im.Restore(memory[:len(wants[4].memory)], nil, 0, nil); err != nil {
		t.Fatal(err)
	}
	memory[50*pageSize] ^= 0x55
	next, _ := s.Snapshot(im, memory, []uint32{50})
	im.Release()
	got := bytes.Repeat([]byte{1}, len(memory))
	if _, err := next.Restore(got, nil, 0, nil); err != nil || !bytes.Equal(got, memory) {
		t.Errorf("the derived image differs: %v", err)
	}
	next.Release()
	if err := s.Close(); err != nil || s.Pages() != 0 {
		t.Errorf("%d pages are left, %v", s.Pages(), err)
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c")
	save(t, path, newStore(), 2, 2*pageSize)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	version := bytes.Clone(good)
	version[8]++
	for _, test := range []struct {
		name string
		data []byte
		key  Key
		is   error
		word string
	}{
		{"another recording", good, Key{[32]byte{9}, testKey.State}, ErrForeign, "another recording"},
		{"another state version", good, Key{testKey.Recording, "state-2"}, ErrForeign, `"state-1"`},
		{"another format", version, testKey, ErrVersion, "2 instead of 1"},
		{"empty", nil, testKey, ErrCorrupt, "made again"},
		{"something else", []byte(strings.Repeat("text", 100)), testKey, ErrCorrupt, "does not begin"},
		{"longer", append(bytes.Clone(good), 0), testKey, ErrCorrupt, "bytes added"},
	} {
		if err := os.WriteFile(path, test.data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, test.key, newStore())
		if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.word) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "none"), testKey, newStore()); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Create(filepath.Join(dir, "none", "c"), testKey, newStore(), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Create(path, Key{State: strings.Repeat("x", 65)}, newStore(), Options{}); err == nil {
		t.Error("a long state version is accepted")
	}
}

// TestFull keeps what fits.
func TestFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	s := newStore()
	w, err := Create(path, testKey, s, Options{MaxBytes: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	memory := make([]byte, 10*pageSize)
	var wants []want
	for i := range 10 {
		for k := range memory {
			memory[k] = byte(r.Uint32())
		}
		im, _ := s.Snapshot(nil, memory, nil)
		err := w.Add(Entry{uint64(i), uint32(i), nil, im})
		im.Release()
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		wants = append(wants, want{uint64(i), nil, bytes.Clone(memory)})
	}
	if err := w.Commit(map[string][]byte{"end": []byte("the end")}); err != nil {
		t.Fatal(err)
	}
	c, err := Open(path, testKey, newStore())
	if err != nil || len(wants) != 2 {
		t.Fatalf("%d fit, %v", len(wants), err)
	}
	defer c.Close()
	check(t, c, wants)
	if st, _ := os.Stat(path); st.Size() > 110_000 {
		t.Errorf("the file has %d bytes", st.Size())
	}
}

func TestAbort(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(filepath.Join(dir, "c"), testKey, newStore(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

// openBytes opens a cache of these bytes and checks it.
func openBytes(t testing.TB, path string, data []byte, wants []want) (damaged int, err error) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStore()
	c, err := Open(path, testKey, s)
	if err != nil {
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
			t.Fatalf("unexpected kind of error: %v", err)
		}
	} else {
		damaged = check(t, c, wants)
		c.Close()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Pages() != 0 {
		t.Fatalf("%d pages are left", s.Pages())
	}
	return damaged, err
}

// TestDamage cuts a cache at every byte and turns bits of every byte: nothing
// wrong is ever restored.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	s := newStore()
	w, err := Create(path, testKey, s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	memory := make([]byte, 3*pageSize+50)
	var wants []want
	for i := range 2 {
		copy(memory[i*pageSize:], strings.Repeat("wrev", 100))
		memory[3*pageSize] = byte(i)
		im, _ := s.Snapshot(nil, memory, nil)
		state := []byte(strings.Repeat("state", 9+i))
		if err := w.Add(Entry{uint64(i), uint32(i), state, im}); err != nil {
			t.Fatal(err)
		}
		im.Release()
		wants = append(wants, want{uint64(i), state, bytes.Clone(memory)})
	}
	if err := w.Commit(map[string][]byte{"end": []byte("the end")}); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, err := openBytes(t, path, good[:n], wants); err == nil {
			t.Fatalf("cut at %d of %d and not noticed", n, len(good))
		}
	}
	h, _ := parseHeader(good, testKey, int64(len(good)))
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		damaged, err := openBytes(t, path, bad, wants)
		padding := i >= headerSize && i < blocksAt
		block := i >= blocksAt && i < int(h.index)
		if padding != (err == nil && damaged == 0) || block && err != nil {
			t.Fatalf("byte %d of %d: %v, %d damaged", i, len(good), err, damaged)
		}
	}
}

// reseal makes the header and the checksums of a cache right again.
func reseal(data []byte) []byte {
	if len(data) < blocksAt {
		return data
	}
	data = bytes.Clone(data)
	at := binary.LittleEndian.Uint64(data[120:])
	if at < blocksAt || at > uint64(len(data)) {
		at = blocksAt
	}
	h := header{key: testKey, index: at, size: uint64(len(data)) - at, crc: crc32.Checksum(data[at:], castagnoli)}
	copy(data, h.encode())
	return data
}

// FuzzOpen reads any bytes: nothing may panic, and what is refused is refused
// with a reason.
func FuzzOpen(f *testing.F) {
	path := filepath.Join(f.TempDir(), "c")
	save(f, path, newStore(), 3, 4*pageSize)
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, false)
	f.Add(good, true)
	f.Add(good[:len(good)-40], true)
	f.Fuzz(func(t *testing.T, data []byte, valid bool) {
		if valid {
			data = reseal(data)
		}
		path := filepath.Join(t.TempDir(), "c")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s := newStore()
		c, err := Open(path, testKey, s)
		if err != nil {
			return
		}
		for i := range c.Len() {
			c.State(i)
			if im := c.At(i).Memory; im.Size() < 1<<20 {
				im.Restore(make([]byte, im.Size()), nil, 0, nil)
			}
		}
		c.Close()
		if s.Pages() != 0 {
			t.Fatalf("%d pages are left", s.Pages())
		}
	})
}
