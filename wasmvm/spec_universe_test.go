package wasmvm_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"wrev/wasmvm"
	"wrev/wasmvm/internal/testkit"
)

// instance is a module instance in our VM, and the same in wazero, which takes
// part in everything: it is the validator, and the judge of what v1 calls unlinkable.
type instance struct {
	module  *wasmvm.Module
	machine *wasmvm.Machine
	oracle  api.Module
}

// universe is the store that one file of a suite runs in.
type universe struct {
	dir        string
	tier       wasmvm.Tier
	runtime    wazero.Runtime
	named      map[string]instance
	registered map[string]instance
	last       instance
	aliases    map[string]string // module file to the name it is registered by later
	positions  []uint64          // of the last module, after each command
}

var ctx = context.Background()

func newUniverse(t *testing.T, s *specSuite, dir string, tier wasmvm.Tier) *universe {
	t.Helper()
	config := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(s.features)
	u := &universe{
		dir: dir, tier: tier,
		runtime:    wazero.NewRuntimeWithConfig(ctx, config),
		named:      map[string]instance{},
		registered: map[string]instance{},
	}
	t.Cleanup(func() { u.runtime.Close(ctx) })
	wasm, err := os.ReadFile(testkit.SpecHostModule(t))
	if err != nil {
		t.Fatal(err)
	}
	host, err := u.instantiate(wasm)
	if err != nil {
		t.Fatalf("module spectest: %v", err)
	}
	if err := u.mirror(wasm, "spectest", &host); err != nil {
		t.Fatalf("module spectest: %v", err)
	}
	u.registered["spectest"] = host
	return u
}

// specStackSlots is the operand stack of the suites' machines: deep enough for
// every test that is to return, shallow enough for runaway recursion to end soon.
const specStackSlots = 1 << 20

// instantiate makes an instance in our VM and runs its start function.
func (u *universe) instantiate(wasm []byte) (instance, error) {
	mod, err := wasmvm.Decode(wasm)
	if err != nil {
		return instance{}, fmt.Errorf("decode: %w", err)
	}
	m, err := wasmvm.New(mod, wasmvm.Config{Resolve: u.resolve, MaxStackSlots: specStackSlots})
	if err != nil {
		return instance{}, fmt.Errorf("instantiate: %w", err)
	}
	m.SetTier(u.tier)
	if mod.Start >= 0 {
		if _, err := m.Invoke(uint32(mod.Start)); err != nil {
			return instance{}, fmt.Errorf("start function: %w", err)
		}
	}
	return instance{module: mod, machine: m}, nil
}

// resolve finds what a module imports among the registered instances.
func (u *universe) resolve(imp *wasmvm.Import) (wasmvm.Extern, bool) {
	from, ok := u.registered[imp.Module]
	if !ok {
		return wasmvm.Extern{}, false
	}
	for _, e := range from.module.Exports {
		if e.Name == imp.Name {
			return wasmvm.Extern{Machine: from.machine, Kind: e.Kind, Index: e.Index}, true
		}
	}
	return wasmvm.Extern{}, false
}

// mirror makes the same instance in wazero.
func (u *universe) mirror(wasm []byte, name string, i *instance) (err error) {
	i.oracle, err = u.runtime.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithName(name).WithStartFunctions())
	return err
}

func (u *universe) read(c *specCommand) ([]byte, error) {
	return os.ReadFile(filepath.Join(u.dir, c.Filename))
}

func (u *universe) module(c *specCommand) error {
	wasm, err := u.read(c)
	if err != nil {
		return err
	}
	u.last = instance{}
	i, err := u.instantiate(wasm)
	if err != nil {
		return err
	}
	// wazero can give a name to an instance only when it makes it, so the instance
	// gets the name that a later register command will give it.
	if err := u.mirror(wasm, u.aliases[c.Filename], &i); err != nil {
		return fmt.Errorf("wazero: %w", err)
	}
	u.last = i
	if c.Name != "" {
		u.named[c.Name] = i
	}
	return nil
}

// findAliases notes by which name each module will be registered.
func (u *universe) findAliases(commands []specCommand) {
	u.aliases = map[string]string{}
	byName, last := map[string]string{}, ""
	for _, c := range commands {
		switch c.Type {
		case "module":
			last = c.Filename
			byName[c.Name] = last
		case "register":
			file := last
			if c.Name != "" {
				file = byName[c.Name]
			}
			u.aliases[file] = c.As
		}
	}
}

// instance returns the instance of that name, or the last one.
func (u *universe) instance(name string) (instance, error) {
	i, ok := u.last, u.last.machine != nil
	if name != "" {
		i, ok = u.named[name]
	}
	if !ok {
		return i, fmt.Errorf("there is no instance %q", name)
	}
	return i, nil
}

func (u *universe) register(c *specCommand) error {
	i, err := u.instance(c.Name)
	if err != nil {
		return err
	}
	u.registered[c.As] = i
	return nil
}

// action runs an action and returns raw result bits with their types.
func (u *universe) action(c *specCommand) ([]typedValue, error) {
	i, err := u.instance(c.Action.Module)
	if err != nil {
		return nil, err
	}
	for _, e := range i.module.Exports {
		switch {
		case e.Name != c.Action.Field:
		case c.Action.Type == "get" && e.Kind == wasmvm.ExternGlobal:
			return []typedValue{{i.module.Globals[e.Index].Type, [2]uint64{i.machine.Global(int(e.Index))}}}, nil
		case c.Action.Type == "invoke" && e.Kind == wasmvm.ExternFunc:
			return i.invoke(e.Index, c)
		}
	}
	return nil, fmt.Errorf("nothing exported as %q", c.Action.Field)
}

func (i instance) invoke(fn uint32, c *specCommand) ([]typedValue, error) {
	var args []uint64
	for _, a := range c.Action.Args {
		words, err := a.words()
		if err != nil {
			return nil, err
		}
		args = append(args, words...)
	}
	// In wazero only the effects count; results and traps are ours to get right.
	_, _ = i.oracle.ExportedFunction(c.Action.Field).Call(ctx, args...)
	results, err := i.machine.Invoke(fn, args...)
	if err != nil {
		return nil, err
	}
	var typed []typedValue
	for _, t := range i.module.FuncType(fn).Results {
		v := typedValue{typ: t}
		if copy(v.bits[:t.Slots()], results) != t.Slots() {
			return nil, fmt.Errorf("too few results: %x for type %v", results, t)
		}
		results = results[t.Slots():]
		typed = append(typed, v)
	}
	if len(results) > 0 {
		return nil, fmt.Errorf("%d words too many in the results", len(results))
	}
	return typed, nil
}

// assertRejected checks that the module is rejected by the validator, which every
// module passes before it gets to the VM, or by the VM's own decoder: wazero lets
// constant expressions pass that read a mutable global.
func (u *universe) assertRejected(c *specCommand) error {
	wasm, err := u.read(c)
	if err != nil {
		return err
	}
	_, ours := wasmvm.Decode(wasm)
	if _, err := u.runtime.CompileModule(ctx, wasm); err == nil && ours == nil {
		return fmt.Errorf("%s was accepted, but is bad: %s", c.Filename, c.Text)
	}
	return nil
}

// assertUnlinkable checks that both engines refuse to link the module. That a
// segment has to fit before anything is written is a rule of v1 only, and there
// recording on wazero refuses, so that the VM never sees such a module.
func (u *universe) assertUnlinkable(c *specCommand) error {
	wasm, err := u.read(c)
	if err != nil {
		return err
	}
	if err := u.mirror(wasm, "", &instance{}); err == nil {
		return fmt.Errorf("wazero linked %s: %s", c.Filename, c.Text)
	}
	if strings.Contains(c.Text, "segment does not fit") {
		return nil
	}
	if _, err := u.instantiate(wasm); err == nil {
		return fmt.Errorf("%s was linked, but should not: %s", c.Filename, c.Text)
	}
	return nil
}

// assertUninstantiable checks that instantiation traps; what it did before the trap stays.
func (u *universe) assertUninstantiable(c *specCommand) error {
	wasm, err := u.read(c)
	if err != nil {
		return err
	}
	_ = u.mirror(wasm, "", &instance{})
	if _, err := u.instantiate(wasm); err != nil {
		return checkTrap(err, c.Text)
	}
	return fmt.Errorf("%s was instantiated, but should trap: %s", c.Filename, c.Text)
}
