package gdbstub

import "sync"

// interrupts decides what an interrupt from the client applies to. One that is
// read after a packet applies to that packet or to nothing: gdb sends it while it
// waits for the program to stop, and the stop may be on its way already.
type interrupts struct {
	mu      sync.Mutex
	target  Target
	read    uint64 // packets read so far
	asked   uint64 // value of read at the last interrupt
	running uint64 // number of the packet that made the program run, 0 if it is stopped
	gone    bool   // nobody is listening any more
}

// packet counts a packet that has been read and returns its number.
func (i *interrupts) packet() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.read++
	return i.read
}

// interrupt is called when the client asks to stop the program.
func (i *interrupts) interrupt() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked = i.read
	i.poke()
}

// hangUp is called when the client is gone: what runs is of no use.
func (i *interrupts) hangUp() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.gone = true
	i.poke()
}

// begin is called before the program is run because of packet number n.
func (i *interrupts) begin(n uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running = n
	i.poke()
}

// end is called when the program has stopped.
func (i *interrupts) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running = 0
	i.target.ClearInterrupt()
}

func (i *interrupts) poke() {
	if i.running != 0 && (i.gone || i.asked >= i.running) {
		i.target.Interrupt()
	}
}
