package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
	"wrev/wasmvm/host/live"
	"wrev/wasmvm/wasi"
)

// liveHost answers a machine's calls through an Instance and keeps them.
type liveHost struct {
	t        *testing.T
	instance *live.Instance
	names    []string
	log      callLog
}

// HostCall implements wasmvm.Host.
func (h *liveHost) HostCall(m *wasmvm.Machine, fn uint32, args, results []uint64) error {
	f, ok := wasi.Lookup(h.names[fn])
	if !ok {
		return errors.New("no such function")
	}
	before := crc32.Checksum(m.Memory(), crcTable)
	c, err := h.instance.Do(f, fn, args, m.Memory())
	if err != nil {
		return err
	}
	if crc32.Checksum(m.Memory(), crcTable) != before {
		h.t.Errorf("%s changed the machine's memory", f.Name)
	}
	if err := h.log.Append(&c); err != nil {
		return err
	}
	if c.NoReturn {
		return &wasmvm.ExitError{Code: uint32(args[0])}
	}
	for _, w := range c.Writes {
		if err := m.WriteMemory(uint64(w.Addr), w.Data); err != nil {
			return err
		}
	}
	copy(results, c.Results)
	return nil
}

// keptCalls is a callLog.
type keptCalls []recording.HostCall

func (k *keptCalls) Append(c *recording.HostCall) error {
	d := *c
	d.Args, d.Results, d.Writes = slices.Clone(c.Args), slices.Clone(c.Results), slices.Clone(c.Writes)
	for i := range d.Writes {
		d.Writes[i].Data = slices.Clone(d.Writes[i].Data)
	}
	*k = append(*k, d)
	return nil
}

// runLive runs a script on the machine, its calls on an Instance.
func runLive(t *testing.T, wasm []byte, opt Options) keptCalls {
	t.Helper()
	mod, err := wasmvm.Decode(wasm)
	if err != nil {
		t.Fatal(err)
	}
	s, err := opt.setup("name")
	if err != nil {
		t.Fatal(err)
	}
	instance, err := live.New(context.Background(), s.live(mod))
	if err != nil {
		t.Fatal(err)
	}
	defer instance.Close()
	var calls keptCalls
	h := &liveHost{t: t, instance: instance, log: &calls}
	for i := range uint32(mod.NumImportedFuncs) {
		h.names = append(h.names, mod.ImportedFunc(i).Name)
	}
	m, err := wasmvm.New(mod, wasmvm.Config{Host: h})
	if err != nil {
		t.Fatal(err)
	}
	if stop := m.Run(1 << 62); stop.Reason != wasmvm.StopExit {
		t.Fatalf("the script ended with %v: %v", stop.Reason, stop.Err)
	}
	return calls
}

// recordCalls runs a script on wazero and returns what the recorder logs.
func recordCalls(t *testing.T, wasm []byte, opt Options) keptCalls {
	t.Helper()
	ctx := context.Background()
	s, err := opt.setup("name")
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile(ctx, wasm, s)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close(ctx)
	var calls keptCalls
	if _, _, err := p.run(ctx, s, newRecorder(&calls, s.sizes()), func(text string) { t.Log(text) }); err != nil {
		t.Fatal(err)
	}
	return calls
}

// sameCalls holds the calls of a live run against those of the recorder.
func sameCalls(t *testing.T, s script, recorded, lived keptCalls) {
	t.Helper()
	if len(recorded) != len(lived) {
		t.Fatalf("%d calls were recorded, %d made live", len(recorded), len(lived))
	}
	for i := range lived {
		a, b := recorded[i], lived[i]
		name := s[i].fn
		same := a.Import == b.Import && a.Inputs == b.Inputs && a.NoReturn == b.NoReturn &&
			slices.Equal(a.Args, b.Args) && slices.Equal(a.Results, b.Results) &&
			slices.EqualFunc(a.Writes, b.Writes, func(x, y recording.MemWrite) bool {
				return x.Addr == y.Addr && len(x.Data) == len(y.Data) && (differs(name) || bytes.Equal(x.Data, y.Data))
			})
		if !same {
			t.Fatalf("call %d, %s%v:\nrecorded %v %v\nlive     %v %v", i, name, a.Args, a.Results, short(a.Writes), b.Results, short(b.Writes))
		}
	}
}

// differs tells the functions whose answers hold times or inode numbers.
func differs(name string) bool {
	switch name {
	case "clock_time_get", "fd_filestat_get", "path_filestat_get", "fd_readdir":
		return true
	}
	return false
}

func short(writes []recording.MemWrite) (text string) {
	for _, w := range writes {
		text += fmt.Sprintf(" [%#x]=%.40q(%d)", w.Addr, w.Data, len(w.Data))
	}
	return text
}

// TestLiveCalls calls everything, with every kind of bad pointer, on wazero's own
// machine and on ours.
func TestLiveCalls(t *testing.T) {
	s := withVariants(everything())
	wasm := s.wasm(0xa5)
	run := func(f func(*testing.T, []byte, Options) keptCalls) (keptCalls, string) {
		st := newStage(t)
		defer connect(st.opt.Listen[0], 60)()
		return f(t, wasm, st.opt), st.out.String()
	}
	recorded, printed := run(recordCalls)
	lived, printedLive := run(runLive)
	sameCalls(t, s, recorded, lived)
	if printed != printedLive {
		t.Errorf("the live run printed %q, want %q", printedLive, printed)
	}
}

// TestRandomLiveCalls does the same with random calls.
func TestRandomLiveCalls(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			s := script{call(ok, "path_open", dirFD, 0, pth, 5, 0, readRight|writeRight, 0, 0, res).text(pth, "a.txt")}
			for range 250 {
				s = append(s, randomStep(rng))
			}
			wasm := s.wasm(0xa5)
			run := func(f func(*testing.T, []byte, Options) keptCalls) keptCalls {
				st := newStage(t)
				st.opt.Listen = nil
				return f(t, wasm, st.opt)
			}
			sameCalls(t, s, run(recordCalls), run(runLive))
		})
	}
}
