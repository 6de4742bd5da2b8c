package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"wrev/checkpoint/recording"
)

// defaultRecording is APP.wrev in the current folder.
func defaultRecording(app string) string {
	base := filepath.Base(app)
	return strings.TrimSuffix(base, filepath.Ext(base)) + ".wrev"
}

// room is the place of a recording to be.
type room struct {
	path string
	kept string // what an earlier recording there is called now
}

// make moves an earlier recording of the same name aside, because the failure it
// holds may never happen again. A file that is no recording is not touched: -o
// app.wasm is a slip of the hand, not a wish to lose the program.
func (r *room) make() error {
	info, err := os.Stat(r.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot write the recording: %w", err)
	case info.IsDir():
		return fmt.Errorf("cannot write the recording: %s is a folder; name a file with -o", r.path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("cannot write the recording: %s is not a regular file; name another with -o", r.path)
	}
	ok, err := recording.IsRecording(r.path)
	if err != nil {
		return fmt.Errorf("cannot write the recording: %w", err)
	}
	if !ok && info.Size() > 0 {
		return fmt.Errorf("%s exists and is not a recording; remove it or choose another name with -o", r.path)
	}
	kept := ""
	for n := 1; ; n++ {
		kept = fmt.Sprintf("%s.~%d~", r.path, n)
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err := os.Rename(r.path, kept); err != nil {
		return fmt.Errorf("cannot keep the earlier recording: %w", err)
	}
	r.kept = kept
	return nil
}

// undo puts the earlier recording back if none was made in its place.
func (r *room) undo() error {
	if _, err := os.Lstat(r.path); r.kept == "" || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.Rename(r.kept, r.path); err != nil {
		return fmt.Errorf("the earlier recording is now called %s: %w", r.kept, err)
	}
	r.kept = ""
	return nil
}
