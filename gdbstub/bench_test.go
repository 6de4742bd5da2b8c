package gdbstub_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"testing"

	"wrev/gdbstub"
	"wrev/gdbstub/rsp"
	"wrev/internal/gdbtest"
)

// BenchmarkStepBack measures what one step back costs from packet to packet, the
// two memory reads that gdb sends after each included.
func BenchmarkStepBack(b *testing.B) {
	for _, bench := range []struct {
		name, file string
		position   uint64
	}{
		{"loops", "../testdata/kernels/nbody.O2.wasm", 2_000_000},
		{"recursion", "../testdata/kernels/fib.O0.wasm", 2_000_000},
	} {
		b.Run(bench.name, func(b *testing.B) {
			wasm, err := os.ReadFile(bench.file)
			if err != nil {
				b.Fatal(err)
			}
			tl := gdbtest.Timeline(b, wasm, &gdbtest.Host{})
			client, server := net.Pipe()
			done := make(chan error, 1)
			go func() {
				done <- gdbstub.Serve(context.Background(), listenOnce(server), tl, gdbstub.Options{Once: true})
			}()
			conn := rsp.NewConn(client, 1<<20)
			do := func(packet string) []byte {
				if err := conn.Send([]byte(packet)); err != nil {
					b.Fatal(err)
				}
				ev, err := conn.Next()
				if err != nil {
					b.Fatal(err)
				}
				return ev.Payload
			}
			do("QStartNoAckMode")
			conn.DisableAcks()
			tl.Seek(bench.position)
			do("bs")
			b.ResetTimer()
			for b.Loop() {
				if got := do("bs"); bytes.Contains(got, []byte("replaylog")) {
					tl.Seek(bench.position)
				}
				do("me0000002,1")
				do("mfffdff00,8")
			}
			client.Close()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}
