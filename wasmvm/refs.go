package wasmvm

import "sync"

// refRegistry finds the machine that a function reference belongs to. Only machines with Config.Resolve are in it: references of others never leave them.
type refRegistry struct {
	mu       sync.Mutex
	next     uint64
	machines []*Machine // ascending by refBase
}

// add reserves references to n functions.
func (r *refRegistry) add(m *Machine, n uint64) (base uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	base = r.next + 1
	r.next += n + 1
	r.machines = append(r.machines, m)
	return base
}

// find returns the machine and the function index of a reference.
func (r *refRegistry) find(ref uint64) (*Machine, uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.machines {
		if i := ref - m.refBase; i < m.numFuncs {
			return m, uint32(i)
		}
	}
	return nil, 0
}
