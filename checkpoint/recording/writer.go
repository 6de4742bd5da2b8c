package recording

import "errors"

// Writer writes one recording. Its methods are for one goroutine at a time, MarkInterrupted excepted.
type Writer struct{}

// Create makes a new recording file at path, replacing a regular file of that name.
func Create(path string, meta Meta, module []byte) (*Writer, error) { return nil, errors.ErrUnsupported }

// Append adds one host call. The caller may reuse c and all it points to. When Append has returned nil the call
// survives the death of this process. After an error every further Append fails too.
func (w *Writer) Append(c *HostCall) error { return errors.ErrUnsupported }

// MarkInterrupted notes in the file that the user interrupted the recording, for when no orderly Close can follow because the
// program is spinning in compiled code. It may be called from any goroutine at any time before Close.
func (w *Writer) MarkInterrupted() {}

// NumCalls returns how many host calls were appended.
func (w *Writer) NumCalls() uint64 { return 0 }

// Close completes the file with how the program ended.
func (w *Writer) Close(end End) error { return errors.ErrUnsupported }
