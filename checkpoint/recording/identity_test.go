package recording

import (
	"os"
	"testing"
)

// TestIdentity: the same file has the same identity, and whatever changes the replay changes it.
func TestIdentity(t *testing.T) {
	path := record(t, smallConfig, numbers(1, 2, 3), &End{})
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := mustOpen(t, path).Identity()
	copied, err := openBytes(file)
	if err != nil {
		t.Fatal(err)
	}
	if copied.Identity() != want {
		t.Error("a copy has another identity")
	}
	change := func(name string, edit func(r *Reader)) {
		r, err := openBytes(file)
		if err != nil {
			t.Fatal(err)
		}
		edit(r)
		if r.Identity() == want {
			t.Errorf("%s: the identity is the same", name)
		}
	}
	change("argument", func(r *Reader) { r.meta.Args = append([]string{"more"}, r.meta.Args...) })
	change("memory", func(r *Reader) { r.meta.MaxMemoryPages++ })
	change("start", func(r *Reader) { r.meta.Start = r.meta.Start.Add(1) })
	change("module", func(r *Reader) { r.module = append([]byte{0}, r.module...) })
	change("call", func(r *Reader) { r.blocks[0].header.crc++ })
	change("calls", func(r *Reader) { r.blocks = r.blocks[:len(r.blocks)-1] })
	change("journal", func(r *Reader) { r.blocks[0].slot = []byte{1} })
	change("end", func(r *Reader) { r.end = nil })

	others := map[[32]byte]string{want: "1, 2, 3 and an end"}
	for name, other := range map[string]string{
		"no end":     record(t, smallConfig, numbers(1, 2, 3), nil),
		"trap":       record(t, smallConfig, numbers(1, 2, 3), &End{Kind: EndTrap, Trap: "unreachable"}),
		"other call": record(t, smallConfig, numbers(1, 2, 4), &End{}),
		"fewer":      record(t, smallConfig, numbers(1, 2), &End{}),
	} {
		id := mustOpen(t, other).Identity()
		if same, ok := others[id]; ok {
			t.Errorf("%s has the identity of %s", name, same)
		}
		others[id] = name
	}
}
