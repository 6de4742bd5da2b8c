package wasmvm

import "iter"

const PageSize = 4096
const maxPages = 65536

type NaNRule uint8

const (
	NaNAMD64 NaNRule = iota
	NaNARM64
)

type Host interface {
	HostCall(m *Machine, fn uint32, args, results []uint64) error
}
type Config struct {
	MaxMemoryPages uint32
	NaN            NaNRule
	MaxStackSlots  int
	Host           Host
	Resolve        func(imp *Import) (Extern, bool)
}

type Extern struct {
	Machine *Machine
	Kind    ExternKind
	Index   uint32
}
type Tier uint8

const (
	TierAuto Tier = iota
	TierPrecise
)

type program struct{}
type Core struct{}
type Machine struct{ mod *Module }
type Frame struct{}

func New(mod *Module, cfg Config) (*Machine, error)                   { return &Machine{mod: mod}, nil }
func (m *Machine) Module() *Module                                    { return m.mod }
func (m *Machine) Run(limit uint64) Stop                              { return Stop{} }
func (m *Machine) Position() uint64                                   { return 0 }
func (m *Machine) HostCalls() uint64                                  { return 0 }
func (m *Machine) Interrupt()                                         {}
func (m *Machine) ClearInterrupt()                                    {}
func (m *Machine) SetBreakpoint(pc uint32) error                      { return nil }
func (m *Machine) ClearBreakpoint(pc uint32)                          {}
func (m *Machine) ClearBreakpoints()                                  {}
func (m *Machine) SetWatches(w []Watch)                               {}
func (m *Machine) PC() uint32                                         { return 0 }
func (m *Machine) Func() *Func                                        { return nil }
func (m *Machine) Depth() int                                         { return 0 }
func (m *Machine) Frames() iter.Seq2[int, Frame]                      { return nil }
func (f Frame) Func() *Func                                           { return nil }
func (f Frame) PC() uint32                                            { return 0 }
func (f Frame) CallPC() uint32                                        { return 0 }
func (f Frame) Local(i int) uint64                                    { return 0 }
func (f Frame) Operand(j int) uint64                                  { return 0 }
func (f Frame) NumOperands() int                                      { return 0 }
func (m *Machine) DeadSlot() uint64                                   { return 0 }
func (m *Machine) Memory() []byte                                     { return nil }
func (m *Machine) WriteMemory(addr uint64, b []byte) error            { return nil }
func (m *Machine) Global(i int) uint64                                { return 0 }
func (m *Machine) SetGlobal(i int, v uint64)                          {}
func (m *Machine) SaveCore() *Core                                    { return nil }
func (m *Machine) RestoreCore(c *Core) error                          { return nil }
func (c *Core) Size() int                                             { return 0 }
func (c *Core) Position() uint64                                      { return 0 }
func (m *Machine) StackBytes() []byte                                 { return nil }
func (m *Machine) Dirty(pages []uint32) []uint32                      { return pages }
func (m *Machine) ResetDirty()                                        {}
func (m *Machine) MarkAllDirty()                                      {}
func (m *Machine) Digest() [32]byte                                   { return [32]byte{} }
func (m *Machine) Invoke(fn uint32, args ...uint64) ([]uint64, error) { return nil, nil }
func (m *Machine) SetTier(t Tier)                                     {}
