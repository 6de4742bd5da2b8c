package gdbview

import "fmt"

// dwWarning is a kind of damage in debug info.
type dwWarning int

const (
	warnUnit dwWarning = iota
	warnLine
	warnLocation
	warnRange
	numDwWarnings
)

// dwWarningTexts say what each kind costs, after the number of cases.
var dwWarningTexts = [numDwWarnings]string{
	warnUnit:     "units of the debug info cannot be used and are left out",
	warnLine:     "line tables make no sense and are left out",
	warnLocation: "locations of variables make no sense; these variables show as optimized out",
	warnRange:    "address ranges make no sense and are left out",
}

// dwWarnings counts damage and keeps the first case of each kind, as a module
// with one broken tool in its history has thousands.
type dwWarnings struct {
	count [numDwWarnings]int
	first [numDwWarnings]error
}

func (w *dwWarnings) add(kind dwWarning, format string, args ...any) {
	w.count[kind]++
	if w.first[kind] == nil {
		w.first[kind] = fmt.Errorf(format, args...)
	}
}

// texts returns a line for each kind of damage.
func (w *dwWarnings) texts() []string {
	var out []string
	for kind, n := range w.count {
		if n > 0 {
			out = append(out, fmt.Sprintf("%d %s; the first: %v", n, dwWarningTexts[kind], w.first[kind]))
		}
	}
	return out
}
