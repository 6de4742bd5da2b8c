package rsp

import (
	"bufio"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// DefaultLimit is the longest payload in bytes that a Conn accepts by default.
const DefaultLimit = 0x20000

// maxResends is how often in a row a packet is sent again because the peer said
// it came broken. A line that bad is given up.
const maxResends = 10

// Kind says what came from the peer.
type Kind uint8

// The kinds of events.
const (
	// Packet is a well-formed packet.
	Packet Kind = iota
	// Interrupt is the byte 0x03 outside any packet: the user wants the
	// running program to stop.
	Interrupt
	// Malformed is a packet that cannot be used and will not be sent again:
	// too long, or, where there are no acknowledgements to ask for it again,
	// with a wrong checksum.
	Malformed
)

// Event is one thing that came from the peer.
type Event struct {
	Kind    Kind
	Payload []byte // of a Packet, between '$' and '#', still escaped; the receiver's to keep
	Err     error  // of a Malformed packet, what is wrong with it
}

// Conn sends and receives packets on a byte stream. It starts with
// acknowledgements on.
type Conn struct {
	r     *bufio.Reader
	w     io.Writer
	limit int
	noAck atomic.Bool

	mu      sync.Mutex // guards what follows and w
	out     []byte     // the last packet sent, framed, for sending again
	resends int
}

// NewConn returns a Conn on rw that accepts payloads of up to limit bytes
// (DefaultLimit if limit is not positive).
func NewConn(rw io.ReadWriter, limit int) *Conn {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Conn{r: bufio.NewReaderSize(rw, 16<<10), w: rw, limit: limit}
}

// DisableAcks ends acknowledgements, in both directions. It goes before the
// answer to QStartNoAckMode: the acknowledgement that the peer still sends for
// that answer is ignored like any other.
func (c *Conn) DisableAcks() { c.noAck.Store(true) }

// Send frames payload, which must be escaped, and sends it at once.
func (c *Conn) Send(payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = AppendFrame(c.out[:0], payload)
	c.resends = 0
	_, err := c.w.Write(c.out)
	return err
}

// SendInterrupt sends the byte that asks the other side to stop its program.
func (c *Conn) SendInterrupt() error { return c.sendByte(0x03) }

// Next waits for the next event. It acknowledges packets and sends the last one
// again where the peer asks for it. Bytes that belong to nothing are skipped.
// Its error is that of the stream; io.EOF means the peer is gone.
func (c *Conn) Next() (Event, error) {
	for {
		b, err := c.r.ReadByte()
		if err != nil {
			return Event{}, err
		}
		switch b {
		case '$':
			ev, retry, err := c.packet()
			if err != nil {
				return Event{}, err
			}
			if !retry {
				return ev, nil
			}
		case 0x03:
			return Event{Kind: Interrupt}, nil
		case '-':
			if err := c.resend(); err != nil {
				return Event{}, err
			}
		}
	}
}

// packet reads what follows '$'. retry means that nothing is to be reported: the
// peer has been asked to send the packet again.
func (c *Conn) packet() (ev Event, retry bool, err error) {
	payload, tooLong, err := c.payload()
	if err != nil {
		return Event{}, false, err
	}
	var digits [2]byte
	if _, err := io.ReadFull(c.r, digits[:]); err != nil {
		return Event{}, false, err
	}
	sum := hexValue(digits[0])<<4 | hexValue(digits[1])
	switch {
	case tooLong:
		// Asking for it again would bring the same packet for ever.
		ev = Event{Kind: Malformed, Err: fmt.Errorf("packet is longer than %d bytes", c.limit)}
		return ev, false, c.ack('+')
	case sum == int(Checksum(payload)):
		return Event{Kind: Packet, Payload: payload}, false, c.ack('+')
	case c.noAck.Load():
		ev = Event{Kind: Malformed, Err: fmt.Errorf("packet checksum is %q, computed %02x", digits, Checksum(payload))}
		return ev, false, nil
	default:
		return Event{}, true, c.ack('-')
	}
}

// payload reads up to and including '#'. A '$' starts over: the peer, or
// what the stream has lost, has begun another packet. Of a packet that is too
// long the rest is read and dropped.
func (c *Conn) payload() (payload []byte, tooLong bool, err error) {
	for {
		b, err := c.r.ReadByte()
		if err != nil {
			return nil, false, err
		}
		switch {
		case b == '#':
			return payload, tooLong, nil
		case b == '$':
			payload, tooLong = payload[:0], false
		case len(payload) == c.limit:
			tooLong = true
		default:
			payload = append(payload, b)
		}
	}
}

func (c *Conn) ack(b byte) error {
	if c.noAck.Load() {
		return nil
	}
	return c.sendByte(b)
}

func (c *Conn) sendByte(b byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.w.Write([]byte{b})
	return err
}

func (c *Conn) resend() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.noAck.Load() || len(c.out) == 0 {
		return nil
	}
	if c.resends++; c.resends > maxResends {
		return fmt.Errorf("peer refused the same packet %d times", maxResends)
	}
	_, err := c.w.Write(c.out)
	return err
}
