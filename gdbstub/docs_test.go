package gdbstub

import (
	"os"
	"strings"
	"testing"
)

// TestMonitorDocs: the page of the monitor commands tells of all of them.
func TestMonitorDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/monitor.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		forms := []string{""}
		if c.args != "" {
			forms = strings.Split(" "+strings.ReplaceAll(c.args, "|", "| "), "|")
		}
		for _, form := range forms {
			if want := "`monitor " + c.name + form + "`"; !strings.Contains(string(page), want) {
				t.Errorf("docs/monitor.md does not tell of %s", want)
			}
		}
	}
}
