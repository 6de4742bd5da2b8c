package gdbstub

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"wrev/gdbstub/agentexpr"
	"wrev/gdbstub/gdbview"
	"wrev/wasmvm"
)

// condition is the conditions of a breakpoint that are evaluated here: the
// program stops if any of them is true. A nil condition is one that always is.
type condition struct {
	text  string // as the client sent it
	probe *gdbview.Probe
	exprs []*agentexpr.Expr
}

// holds says whether m, which stands at the breakpoint, stops there. Where a
// condition cannot be evaluated it does: gdb evaluates it once more and tells its
// user what is wrong. It may be called from several goroutines.
func (c *condition) holds(m *wasmvm.Machine) bool {
	if !c.conditional() {
		return true
	}
	for _, e := range c.exprs {
		if x, err := c.probe.Eval(e, m); err != nil || x != 0 {
			return true
		}
	}
	return false
}

// newCondition reads what follows kind, address and length in a packet Z0 or Z1:
// parts that begin with a semicolon, of which those that consist of expressions
// are conditions. Others are for breakpoint commands, which are not advertised.
// An error means that the packet makes no sense.
func (s *session) newCondition(pc uint32, options string) (*condition, error) {
	c := &condition{text: options}
	whole := true
	for rest := options; rest != ""; {
		rest = strings.TrimPrefix(rest, ";")
		if !strings.HasPrefix(rest, "X") {
			_, rest, _ = strings.Cut(rest, ";")
			continue
		}
		var code []byte
		var err error
		if code, rest, err = cutExpression(rest); err != nil {
			return nil, err
		}
		e, err := agentexpr.Parse(code)
		if err != nil {
			s.log("a condition is left to gdb: %v", err)
			whole = false
			continue
		}
		c.exprs = append(c.exprs, e)
	}
	if !whole || len(c.exprs) == 0 {
		return &condition{text: options}, nil
	}
	var err error
	c.probe, err = s.view.NewProbe(pc)
	return c, err
}

// cutExpression reads Xlength,bytes and returns what follows.
func cutExpression(text string) (code []byte, rest string, err error) {
	length, digits, ok := strings.Cut(text[1:], ",")
	n, err := strconv.ParseUint(length, 16, 32)
	if !ok || err != nil || n > uint64(len(digits)/2) {
		return nil, "", fmt.Errorf("the condition %.20q is not XLENGTH,BYTES", text)
	}
	if code, err = hex.DecodeString(digits[:2*n]); err != nil {
		return nil, "", fmt.Errorf("the condition %.20q is not hexadecimal", text)
	}
	return code, digits[2*n:], nil
}

// sent is what the client sent, "" for no conditions.
func (c *condition) sent() string {
	if c == nil {
		return ""
	}
	return c.text
}

// conditional reports whether there is anything to evaluate.
func (c *condition) conditional() bool { return c != nil && len(c.exprs) > 0 }
