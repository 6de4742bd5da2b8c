package e2e

import (
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// oneLine checks that wrev failed as it should: with this exit code, and one
// line on stderr that holds every fragment.
func oneLine(t *testing.T, r result, code int, fragments ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	if r.stdout != "" {
		t.Errorf("printed on stdout: %q", r.stdout)
	}
	if strings.Count(r.stderr, "\n") != 1 || !strings.HasPrefix(r.stderr, "wrev: ") {
		t.Errorf("stderr is not one line of wrev's: %q", r.stderr)
	}
	for _, f := range fragments {
		if !strings.Contains(r.stderr, f) {
			t.Errorf("stderr does not say %q: %q", f, r.stderr)
		}
	}
}

// file writes a file for a test and returns its path.
func file(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(root, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBadPrograms(t *testing.T) {
	features := read(t, "testdata/programs/features.O0.wasm")
	cases := []struct {
		name string
		data []byte // the program, or
		path string // where it is
		want []string
	}{
		{"text", []byte("#include <stdio.h>\n"), "", []string{"not a WebAssembly module"}},
		{"empty", []byte{}, "", nil},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), "", []string{"component"}},
		{"version", []byte("\x00asm\x02\x00\x00\x00"), "", nil},
		{"truncated", features[:len(features)/3], "", nil},
		{"truncated header", features[:6], "", nil},
		{"unknown import", nil, "testdata/bad/unknown_import.wasm", []string{"launch_rocket"}},
		{"missing", nil, "no/such/file.wasm", []string{"no/such/file.wasm", "no such file"}},
		{"folder", nil, "testdata", []string{"testdata"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := c.path
			if path == "" {
				path = file(t, "app.wasm", c.data)
			}
			out := filepath.Join(t.TempDir(), "out.wrev")
			oneLine(t, execute(t, "", wrev, "record", "-o", out, path), 1, c.want...)
			if _, err := os.Stat(out); err == nil {
				t.Error("a recording was left behind")
			}
		})
	}
}

// TestNothingToRun records a library: wazero runs it without complaint, so wrev
// does too, but says why nothing happened.
func TestNothingToRun(t *testing.T) {
	_, run := record(t, program{module: "testdata/bad/no_start.wasm"})
	if !strings.Contains(run.stderr, "exports no _start") {
		t.Errorf("stderr does not say why nothing ran: %q", run.stderr)
	}
}

func TestBadRecordings(t *testing.T) {
	good := read(t, mustRecord(t, program{module: "features.O0.wasm", code: 1}))
	versioned := bytes.Clone(good)
	binary.LittleEndian.PutUint32(versioned[8:], 99)
	cases := []struct {
		name string
		data []byte
		want []string
	}{
		{"a module", read(t, "testdata/programs/features.O0.wasm"), []string{"not a wrev recording"}},
		{"text", []byte("hello, world, this is no recording\n"), []string{"not a wrev recording"}},
		{"empty", nil, nil},
		{"another format version", versioned, []string{"version 99"}},
		{"only the start", good[:100], nil},
	}
	for _, c := range cases {
		path := file(t, "bad.wrev", c.data)
		for _, command := range []string{"replay", "info", "events", "verify"} {
			t.Run(c.name+"/"+command, func(t *testing.T) {
				oneLine(t, execute(t, "", wrev, command, path), 1, c.want...)
			})
		}
	}
}

// TestDamagedRecordings cuts and garbles a recording in many places: wrev either
// works with what is left and warns, or says what is wrong. It never crashes.
func TestDamagedRecordings(t *testing.T) {
	good := read(t, mustRecord(t, program{module: "inventory.O2.wasm", args: []string{"/data/inventory.txt"},
		flags: []string{"--mount", "testdata/programs:/data:ro"}, code: 134}))
	for part := range 24 {
		at := len(good) * part / 24
		garbled := bytes.Clone(good)
		for i := range 16 {
			garbled[min(at+i, len(good)-1)] ^= 0x5a
		}
		for _, data := range [][]byte{good[:at], garbled} {
			path := file(t, "damaged.wrev", data)
			for _, command := range []string{"info", "verify"} {
				r := execute(t, "", wrev, command, path)
				checkDamaged(t, command, at, r)
			}
		}
	}
}

func checkDamaged(t *testing.T, command string, at int, r result) {
	t.Helper()
	if r.code != 0 && r.code != 1 {
		t.Errorf("damage at %d: %s ended with exit code %d:\n%s", at, command, r.code, r.stderr)
	}
	if r.code == 1 && r.stderr == "" {
		t.Errorf("damage at %d: %s failed without a word", at, command)
	}
	for line := range strings.Lines(r.stderr) {
		if !strings.HasPrefix(line, "wrev: ") {
			t.Errorf("damage at %d: %s printed on stderr: %s", at, command, line)
		}
	}
}

func TestBadUsage(t *testing.T) {
	recording := mustRecord(t, program{module: "features.O0.wasm", code: 1})
	features := "testdata/programs/features.O0.wasm"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	busy := listener.Addr().String()
	cases := []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"unknown command", []string{"frobnicate"}, 2, []string{"frobnicate"}},
		{"unknown flag", []string{"record", "--frobnicate", features}, 2, []string{"frobnicate"}},
		{"record nothing", []string{"record"}, 2, nil},
		{"replay nothing", []string{"replay"}, 2, nil},
		{"replay two", []string{"replay", recording, recording}, 2, nil},
		{"at-end", []string{"replay", "--at-end", "maybe", recording}, 2, []string{"stop or exit"}},
		{"busy port", []string{"replay", "--serve", busy, recording}, 1, []string{busy, "in use"}},
		{"bad address", []string{"replay", "--serve", "nonsense", recording}, 2, []string{"nonsense"}},
		{"missing mount", []string{"record", "--mount", "/no/such/folder:/data", features}, 1, []string{"/no/such/folder"}},
		{"missing recording", []string{"replay", "no/such.wrev"}, 1, []string{"no/such.wrev", "no such file"}},
		{"unwritable output", []string{"record", "-o", "/no/such/folder/x.wrev", features}, 1, []string{"/no/such/folder"}},
		{"no place for symbols", []string{"symbols", "-o", "/no/such/folder/x.elf", features}, 1, []string{"/no/such/folder"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			oneLine(t, execute(t, "", wrev, c.args...), c.code, c.want...)
		})
	}
}

// TestNonsenseDebugInfo garbles each debug section in turn: symbols may suffer,
// the session works at function level all the same.
func TestNonsenseDebugInfo(t *testing.T) {
	module := read(t, "testdata/programs/features.O0.wasm")
	for _, section := range []string{".debug_info", ".debug_line", ".debug_abbrev", ".debug_str", ".debug_ranges"} {
		t.Run(section, func(t *testing.T) {
			at := bytes.Index(module, append([]byte{byte(len(section))}, section...))
			if at < 0 {
				t.Fatalf("the module has no %s", section)
			}
			garbled := bytes.Clone(module)
			for i := at + 1 + len(section) + 40; i < at+1+len(section)+1400; i++ {
				garbled[i] = byte(i * 37)
			}
			recording := mustRecord(t, program{module: file(t, "garbled.wasm", garbled), code: 1})
			srv := serve(t, recording)
			out := gdb(t, "gdb", srv.address, []string{"break factorial", "continue", "backtrace", "reverse-stepi", "stepi"})
			if text := strings.Join(out[2], "\n"); !strings.Contains(text, "Breakpoint 1, ") || !strings.Contains(text, "factorial") {
				t.Errorf("no stop in factorial; gdb printed:\n%s\n%s\n%s",
					strings.Join(out[0], "\n"), strings.Join(out[1], "\n"), text)
			}
		})
	}
}

// TestMalformedPackets sends noise to the server: it must answer the next
// proper packet.
func TestMalformedPackets(t *testing.T) {
	srv := serve(t, mustRecord(t, program{module: "features.O0.wasm", code: 1}))
	noise := []string{
		"\x00\xff\xfe garbage",
		"$",
		"$no checksum",
		"$bad#00",
		"$g#zz",
		"#67#67",
		"$m0,ffffffffffffffff#" + "00",
		"$Z9,nonsense,,,#00",
		strings.Repeat("$vCont;", 3000),
		"$" + strings.Repeat("A", 300000) + "#00",
		"$qXfer:features:read:target.xml:zz,qq#00",
		"}}}}$}#7d",
	}
	for _, n := range noise {
		conn, err := net.Dial("tcp", srv.address)
		if err != nil {
			t.Fatalf("after %.20q: %v", n, err)
		}
		// A query in full follows the noise. The first may be taken for the
		// noise's tail, the second must be answered.
		conn.Write([]byte(n + "\x03#00$qAttached#8f$qAttached#8f"))
		if !answers(conn) {
			t.Errorf("after %.40q the server did not answer", n)
		}
		conn.Close()
	}
}

// answers reads until the reply to qAttached arrives, acknowledging all.
func answers(conn net.Conn) bool {
	var got []byte
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		got = append(got, buffer[:n]...)
		if bytes.Contains(got, []byte("$0#30")) || bytes.Contains(got, []byte("$1#31")) {
			return true
		}
		if err != nil {
			return false
		}
		if bytes.IndexByte(buffer[:n], '$') >= 0 {
			conn.Write([]byte("+"))
		}
	}
}

// ownRecording is a recording that no other test has: branches are kept in it.
func ownRecording(t *testing.T, p program) string {
	t.Helper()
	return file(t, "own.wrev", read(t, mustRecord(t, p)))
}

func mustRecord(t *testing.T, p program) string {
	t.Helper()
	path, _ := record(t, p)
	return path
}
