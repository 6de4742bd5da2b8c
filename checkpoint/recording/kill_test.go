//go:build unix

package recording

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// killEnv makes the test binary a recorder that is to be killed; it holds the path and the mode.
const killEnv = "RECORDING_KILL_TEST"

func TestMain(m *testing.M) {
	if path := os.Getenv(killEnv); path != "" {
		if err := recordUntilKilled(path, os.Getenv(killEnv+"_MODE")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
	}
	os.Exit(m.Run())
}

// killModes are the recorders that are killed.
var killModes = map[string]config{
	"mapped":        {slotSize: defaultSlotSize},
	"small-slots":   smallConfig,
	"write-through": {slotSize: 1024, writeThrough: true},
}

// numberedCall makes call i; all bytes follow from i. Now and then it fits no slot.
func numberedCall(i uint64) *HostCall {
	c := &HostCall{Import: 3, Args: []uint64{1, 1000}, Results: []uint64{0},
		Writes: []MemWrite{{Addr: 1000, Data: binary.LittleEndian.AppendUint64(nil, i*1000)}}}
	switch {
	case i%1009 == 1008:
		c.Writes = append(c.Writes, MemWrite{Addr: 4096, Data: bytes.Repeat(c.Writes[0].Data, 10_000)})
	case i%17 == 16:
		c.Import, c.Inputs = 9, i*0x9E3779B97F4A7C15
	case i%5 == 4:
		c.Import, c.Args[1] = 5, i
	}
	return c
}

// recordUntilKilled appends numbered calls for ever. How many were acknowledged it keeps in a mapped file, so that not one
// escapes the test, and every 50 calls it writes a byte to stdout.
func recordUntilKilled(path, mode string) error {
	f, err := os.OpenFile(path+".ack", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(8); err != nil {
		return err
	}
	ack, err := syscall.Mmap(int(f.Fd()), 0, 8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	cfg := killModes[mode]
	cfg.wrap = func(f file) file { return f }
	w, err := create(path, testMeta(), testModule, cfg)
	if err != nil {
		return err
	}
	for i := uint64(0); ; i++ {
		if err := w.Append(numberedCall(i)); err != nil {
			return err
		}
		binary.LittleEndian.PutUint64(ack, i+1)
		if i%50 == 0 {
			if _, err := os.Stdout.Write([]byte{1}); err != nil {
				return err
			}
		}
	}
}

// TestKill kills recorders with SIGKILL at random moments: every call that was acknowledged must be in the file.
func TestKill(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 13))
	for mode := range killModes {
		t.Run(mode, func(t *testing.T) {
			for round := range 7 {
				path := filepath.Join(t.TempDir(), strconv.Itoa(round)+".wrev")
				killRecorder(t, path, mode, 1+rng.IntN(300))
				ack := binary.LittleEndian.Uint64(readFile(t, path+".ack"))
				r, err := Open(path)
				if err != nil {
					t.Fatal(err)
				}
				// A chunk that was being written may be torn, but not one of calls that were acknowledged.
				if r.NumCalls() != ack && r.NumCalls() != ack+1 {
					t.Fatalf("%d calls were acknowledged, %d can be read; warnings: %q", ack, r.NumCalls(), r.Warnings())
				}
				i := uint64(0)
				for c, err := range r.Calls(0) {
					if err != nil || !sameCall(c, numberedCall(i)) {
						t.Fatalf("call %d is %v (%v)", i, c, err)
					}
					i++
				}
				if _, ok := r.End(); ok {
					t.Error("there is an end")
				}
				r.Close()
			}
		})
	}
}

// killRecorder starts a recorder and kills it after it reported progress n times.
func killRecorder(t *testing.T, path, mode string, n int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), killEnv+"="+path, killEnv+"_MODE="+mode)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, err = io.CopyN(io.Discard, bufio.NewReaderSize(out, 16), int64(n))
	cmd.Process.Kill()
	cmd.Wait()
	if err != nil {
		t.Fatalf("the recorder failed: %v %s", err, stderr.String())
	}
}
