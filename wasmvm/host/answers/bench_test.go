package answers

import (
	"testing"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/wasi"
)

// BenchmarkAccount accounts for a million calls before a fork, as the first answer
// in a new branch has to.
func BenchmarkAccount(b *testing.B) {
	log := &fakeLog{meta: testMeta(), lines: []*lineage{{parent: -1}}}
	trunk := log.lines[0]
	for i, fn := range wasi.Functions() {
		if fn.Name == "clock_time_get" {
			c := recording.HostCall{Import: uint32(i), Args: []uint64{1, 1, 8}, Results: []uint64{0},
				Writes: []recording.MemWrite{{Addr: 8, Data: le64(5)}}}
			for range 1 << 20 {
				trunk.calls, trunk.sources = append(trunk.calls, c), append(trunk.sources, "")
			}
		}
	}
	kept := books{log: log}
	for name, of := range map[string]func() *books{"first": func() *books { return &books{log: log} }, "later": func() *books { return &kept }} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := of().account(0, 1<<20-1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
