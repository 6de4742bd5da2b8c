package wasmvm

// fastEntry returns the word at which fast code can take over.
func (r *runner) fastEntry(f *loweredFunc) (int, bool) { return 0, false }
func (r *runner) fast(f *loweredFunc, word int) bool   { return false }

type alias struct{}

func (p *program) lowerFast(f *loweredFunc) error {
	return p.mod.eachInstr(f.fn, func(i int, pc uint32, in *instr, t *typer) error {
		if !t.dead && (in.op == OpCall || in.op == OpCallIndirect) {
			w := ins{op: irData}
			w.setBC(uint32(f.index))
			w.setK64(uint64(i + 1))
			p.code = append(p.code, w)
			f.returns = append(f.returns, returnSite{uint32(i), uint32(len(p.code))})
		}
		return nil
	})
}
