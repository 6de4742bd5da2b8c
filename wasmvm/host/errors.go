package host

import (
	"errors"
	"fmt"
)

// Errors that a user can cause. They are wrapped, with what happened to what.
var (
	// ErrNotWasm: the file is something else.
	ErrNotWasm = errors.New("not a WebAssembly module")
	// ErrComponent: the file is a component, not a core module.
	ErrComponent = errors.New("a WebAssembly component, not a core module")
	// ErrInvalid: the module is truncated or does not validate.
	ErrInvalid = errors.New("invalid module")
	// ErrImport: the module imports something that nobody provides.
	ErrImport = errors.New("import that nobody provides")
	// ErrOption: an argument, environment variable, mount or address that
	// cannot be used.
	ErrOption = errors.New("unusable option")
)

// ErrEndOfLog is the end of a recording that has no end: its recorder was
// interrupted or killed.
var ErrEndOfLog = errors.New("end of the recording: the recorder was interrupted here")

// problem is an error for people that also is one of the errors above.
type problem struct {
	text string
	errs []error
}

func (p *problem) Error() string   { return p.text }
func (p *problem) Unwrap() []error { return p.errs }

// problemf makes an error that reads as formatted and unwraps to kind and to
// the operands of %w.
func problemf(kind error, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &problem{err.Error(), []error{kind, err}}
}
