package wasmvm_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"wrev/wasmvm"
	"wrev/wasmvm/internal/testkit"
)

// specSuite is one of the official suites, with the number of commands of each
// kind that it has. The numbers are written down so that a suite that runs short
// is a failure.
type specSuite struct {
	name     string
	features api.CoreFeatures
	want     map[string]int
}

var specSuites = []specSuite{
	{"v1", api.CoreFeaturesV1, map[string]int{
		"module": 780, "register": 10, "action": 42,
		"assert_return": 15788, "assert_trap": 458, "assert_exhaustion": 15,
		"assert_invalid": 989, "assert_malformed": 661, "assert_unlinkable": 95, "assert_uninstantiable": 2,
	}},
	{"v2", api.CoreFeaturesV2, map[string]int{
		"module": 1599, "register": 22, "action": 155,
		"assert_return": 45734, "assert_trap": 2408, "assert_exhaustion": 15,
		"assert_invalid": 2146, "assert_malformed": 719, "assert_unlinkable": 83, "assert_uninstantiable": 34,
	}},
	{"extended-const", testkit.Features, map[string]int{
		"module": 13, "assert_return": 55, "assert_trap": 5, "assert_invalid": 37, "assert_malformed": 4,
	}},
	{"tail-call", testkit.Features, map[string]int{
		"module": 6, "assert_return": 71, "assert_trap": 7, "assert_invalid": 24,
	}},
	{"threads", testkit.Features, map[string]int{
		"module": 5, "action": 65, "assert_return": 154, "assert_trap": 55, "assert_invalid": 48,
	}},
	{"exception-handling", testkit.Features, map[string]int{
		"module": 12, "register": 3, "assert_return": 50, "assert_trap": 2, "assert_exception": 18,
		"assert_invalid": 16, "assert_unlinkable": 2,
	}},
	{"typed-function-references", testkit.Features, map[string]int{
		"module": 159, "register": 16, "action": 4, "assert_return": 638, "assert_trap": 56,
		"assert_invalid": 333, "assert_unlinkable": 47, "assert_uninstantiable": 19,
	}},
}

// specCommand is one command of a suite's JSON, as wast2json writes it.
type specCommand struct {
	Type       string      `json:"type"`
	Line       int         `json:"line"`
	Name       string      `json:"name"`
	Filename   string      `json:"filename"`
	As         string      `json:"as"`
	Action     specAction  `json:"action"`
	Expected   []specValue `json:"expected"`
	ModuleType string      `json:"module_type"`
	Text       string      `json:"text"`
}

type specAction struct {
	Type   string      `json:"type"`
	Module string      `json:"module"`
	Field  string      `json:"field"`
	Args   []specValue `json:"args"`
}

// TestSpec runs the official suites in both tiers. All commands are run
// but modules in text form, which are no business of an engine. The positions after each command must be equal in both tiers.
func TestSpec(t *testing.T) {
	for _, s := range specSuites {
		t.Run(s.name, func(t *testing.T) {
			positions := map[string][]uint64{}
			for _, tier := range []wasmvm.Tier{wasmvm.TierAuto, wasmvm.TierPrecise} {
				t.Run(tierName(tier), func(t *testing.T) { s.run(t, tier, positions) })
			}
		})
	}
}

func tierName(tier wasmvm.Tier) string {
	if tier == wasmvm.TierPrecise {
		return "precise"
	}
	return "auto"
}

// run runs the suite in one tier. positions holds those of an earlier tier by file.
func (s *specSuite) run(t *testing.T, tier wasmvm.Tier, positions map[string][]uint64) {
	dir := testkit.SpecSuite(t, s.name)
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no suite in %s: %v", dir, err)
	}
	ran, failed := map[string]int{}, 0
	for _, file := range files {
		base := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(base, func(t *testing.T) {
			u := newUniverse(t, s, dir, tier)
			failed += u.runFile(t, file, ran)
			if before, ok := positions[base]; ok && !slices.Equal(before, u.positions) {
				t.Errorf("positions differ between the tiers, first after command %d", firstDifference(before, u.positions))
			}
			positions[base] = u.positions
		})
	}
	total := 0
	for _, n := range ran {
		total += n
	}
	t.Logf("suite %s, tier %s: %d of %d commands passed: %v", s.name, tierName(tier), total-failed, total, ran)
	if !maps.Equal(ran, s.want) {
		t.Errorf("the suite should have run %v", s.want)
	}
}

// runFile runs one file's commands, counts them in ran, and returns how many failed.
func (u *universe) runFile(t *testing.T, file string, ran map[string]int) (failed int) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var suite struct{ Commands []specCommand }
	if err := json.Unmarshal(raw, &suite); err != nil {
		t.Fatal(err)
	}
	u.findAliases(suite.Commands)
	for i := range suite.Commands {
		c := &suite.Commands[i]
		if c.ModuleType == "text" {
			continue
		}
		ran[c.Type]++
		if err := u.command(c); err != nil {
			failed++
			t.Errorf("line %d, %s: %v", c.Line, c.Type, err)
		}
		if u.last.machine != nil {
			u.positions = append(u.positions, u.last.machine.Position())
		}
	}
	return failed
}

// command runs one command and says how it failed.
func (u *universe) command(c *specCommand) error {
	switch c.Type {
	case "module":
		return u.module(c)
	case "register":
		return u.register(c)
	case "action":
		_, err := u.action(c)
		return err
	case "assert_return":
		got, err := u.action(c)
		if err != nil {
			return err
		}
		return checkResults(got, c.Expected)
	case "assert_trap", "assert_exhaustion":
		got, err := u.action(c)
		if err == nil {
			return fmt.Errorf("%s returned %x, but should trap: %s", c.Action.Field, got, c.Text)
		}
		return checkTrap(err, c.Text)
	case "assert_exception":
		got, err := u.action(c)
		if err == nil {
			return fmt.Errorf("%s returned %x, but should end in an exception", c.Action.Field, got)
		}
		return checkTrap(err, "uncaught exception")
	case "assert_invalid", "assert_malformed":
		return u.assertRejected(c)
	case "assert_unlinkable":
		return u.assertUnlinkable(c)
	case "assert_uninstantiable":
		return u.assertUninstantiable(c)
	}
	return fmt.Errorf("the harness does not know this command")
}
