package host

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/wasmvm/wasi"
)

// TestRandomCalls calls the functions with random arguments, of which most are
// such that something happens, and holds the log against memory.
func TestRandomCalls(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			s := script{call(ok, "path_open", dirFD, 0, pth, 5, 0, readRight|writeRight, 0, 0, res).text(pth, "a.txt")}
			for range 250 {
				s = append(s, randomStep(rng))
			}
			st := newStage(t)
			st.opt.Listen = nil // nobody would connect
			path := filepath.Join(t.TempDir(), "r.wrev")
			o, end := recordWithOracle(t, s.wasm(0xa5), "random", path, st.opt, nil)
			if end != (recording.End{}) {
				t.Fatalf("the script ended with %+v", end)
			}
			o.check()
			replayWithOracle(t, path, o, st.out.String())
		})
	}
}

// randomStep makes a call of any function but those that could wait for ever or
// end the program.
func randomStep(rng *rand.Rand) step {
	functions := wasi.Functions()
	f := functions[rng.IntN(len(functions))]
	switch f.Name {
	case "poll_oneoff", "proc_exit", "sock_accept":
		return randomStep(rng)
	}
	s := step{fn: f.Name, want: anyErrno}
	for _, p := range f.Params {
		s.args = append(s.args, randomArg(rng, p))
	}
	if f.Name == "fd_filestat_set_times" && s.args[0] <= 2 {
		s.args[0] = 99 // wazero panics for standard input and output
	}
	s = s.text(pth, []string{"a.txt", "b.txt", "d", "none", "soft", "../x"}[rng.IntN(6)])
	for _, at := range []uint32{vec, buf} {
		var words []uint32
		for range 1 + rng.IntN(4) {
			words = append(words, uint32(randomAddress(rng)), uint32(randomLength(rng)))
		}
		s = s.words(at, words...)
	}
	return s
}

func randomArg(rng *rand.Rand, p wasi.Param) uint64 {
	switch p.Kind {
	case wasi.KindFD:
		return []uint64{0, 1, 2, dirFD, dirFD, fileFD - 1, fileFD - 1, fileFD, 99}[rng.IntN(9)]
	case wasi.KindPath, wasi.KindBuffer, wasi.KindReadVec, wasi.KindWriteVec, wasi.KindPointer, wasi.KindResult:
		if p.Kind == wasi.KindPath && rng.IntN(4) > 0 {
			return pth
		}
		return randomAddress(rng)
	case wasi.KindLen:
		if rng.IntN(3) == 0 {
			return randomLength(rng)
		}
		return uint64(rng.IntN(6))
	case wasi.KindFlags, wasi.KindClock:
		return uint64(rng.IntN(8))
	}
	return randomLength(rng)
}

func randomAddress(rng *rand.Rand) uint64 {
	base := []uint64{res, vec, vec, buf, buf, buf + 0x100, size, 0, 1 << 32}[rng.IntN(9)]
	return (base + uint64(rng.IntN(40)) - 20) & (1<<32 - 1)
}

func randomLength(rng *rand.Rand) uint64 {
	return []uint64{0, 1, 4, 5, 24, 100, 3000, 70000, 1<<29 + 1, 1<<32 - 1}[rng.IntN(10)]
}
