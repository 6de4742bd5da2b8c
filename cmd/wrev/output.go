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

// makeRoom moves an earlier recording of the same name aside, because the
// failure it holds may never happen again, and returns its new name ("" if
// there was none). A file that is no recording is not touched: -o app.wasm is
// a slip of the hand, not a wish to lose the program.
func makeRoom(path string) (kept string, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("cannot write the recording: %w", err)
	case info.IsDir():
		return "", fmt.Errorf("cannot write the recording: %s is a folder; name a file with -o", path)
	case !info.Mode().IsRegular():
		return "", nil // a device such as /dev/null
	}
	ok, err := recording.IsRecording(path)
	if err != nil {
		return "", fmt.Errorf("cannot write the recording: %w", err)
	}
	if !ok && info.Size() > 0 {
		return "", fmt.Errorf("%s exists and is not a recording; remove it or choose another name with -o", path)
	}
	for n := 1; ; n++ {
		kept = fmt.Sprintf("%s.~%d~", path, n)
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err := os.Rename(path, kept); err != nil {
		return "", fmt.Errorf("cannot keep the earlier recording: %w", err)
	}
	return kept, nil
}
