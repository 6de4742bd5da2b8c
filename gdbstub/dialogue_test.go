package gdbstub_test

import (
	"bufio"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"wrev/gdbstub"
	"wrev/internal/gdbtest"
)

var update = flag.Bool("update", false, "write the answers of the dialogues in testdata")

// A dialogue is a file of packets and the answers they get:
//
//	# a comment
//	module exit            how the test module ends
//	option at-end=exit
//	reconnect              hang up and connect again
//	> packet
//	< answers, parted by spaces
//	> monitor command      stands for qRcmd
//
// Text that travels in hexadecimal is shown in quotes, and other bytes that do
// not print as \xNN.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogue/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := talk(t, string(text))
			if got == string(text) {
				return
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			reportDifference(t, string(text), got)
		})
	}
}

// talk goes through a dialogue and returns it with the answers that came.
func talk(t *testing.T, text string) string {
	var out strings.Builder
	opt := gdbstub.Options{Name: "test.wasm"}
	ending := "exit"
	var srv *gdbtest.Server
	var client *gdbtest.Client
	connect := func() {
		if srv == nil {
			srv = gdbtest.Start(t, testModule(t, ending), opt)
		}
		client = srv.Dial(t)
		client.NoAck()
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "<") {
			continue
		}
		out.WriteString(line + "\n")
		switch word, rest, _ := strings.Cut(line, " "); word {
		case "module":
			ending = rest
		case "option":
			if rest == "at-end=exit" {
				opt.AtEnd = gdbstub.AtEndExit
			}
		case ">":
			if client == nil {
				connect()
			}
			command, isMonitor := strings.CutPrefix(rest, "monitor ")
			if isMonitor {
				rest = monitor(command)
			}
			out.WriteString(strings.TrimRight("< "+readable(client.Do(rest), isMonitor), " ") + "\n")
		case "reconnect":
			client.Close()
			connect()
		}
	}
	return out.String()
}

// readable shows answers as the dialogue files do.
func readable(answers string, isMonitor bool) string {
	parts := strings.Split(answers, " ")
	for i, p := range parts {
		console := i < len(parts)-1 && strings.HasPrefix(p, "O")
		if text, err := hex.DecodeString(strings.TrimPrefix(p, "O")); err == nil && (console || isMonitor) {
			parts[i] = strconv.Quote(string(text))
			if console {
				parts[i] = "O" + parts[i]
			}
		}
	}
	var b strings.Builder
	for _, c := range []byte(strings.Join(parts, " ")) {
		if c < ' ' || c > '~' {
			fmt.Fprintf(&b, "\\x%02x", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func reportDifference(t *testing.T, want, got string) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	packet := ""
	for i := range g {
		if strings.HasPrefix(g[i], ">") {
			packet = g[i]
		}
		if i >= len(w) || w[i] != g[i] {
			t.Fatalf("line %d: %s\ngot  %s\nwant %s", i+1, packet, g[i], strings.Join(w[min(i, len(w)):min(i+1, len(w))], ""))
		}
	}
	t.Fatalf("missing: %q", w[len(g):])
}
