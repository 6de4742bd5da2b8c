package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestCommandLineDocs: the page of the command line tells of every command and flag, and of no other flag.
func TestCommandLineDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	flag := regexp.MustCompile(`--[a-z][a-z-]*`)
	known := map[string]bool{}
	for _, c := range commands() {
		if usage := "wrev " + c.name + " " + c.args; !strings.Contains(page, usage) {
			t.Errorf("docs/cli.md does not have: %s", usage)
		}
		_, help, _ := call("help", c.name)
		for _, name := range flag.FindAllString(help, -1) {
			known[name] = true
			if !strings.Contains(page, name) {
				t.Errorf("docs/cli.md does not tell of %s of `wrev %s`", name, c.name)
			}
		}
	}
	for _, name := range flag.FindAllString(page, -1) {
		if !known[name] {
			t.Errorf("docs/cli.md tells of %s, which no command has", name)
		}
	}
}
