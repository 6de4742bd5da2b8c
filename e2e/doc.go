// Package e2e holds the end-to-end tests: the wrev command records the
// programs under testdata, and the real gdb debugs the recordings, forwards
// and backwards.
//
// Most tests are sessions: text files in testdata that list gdb commands and
// the lines gdb must print (session_test.go says how they are written). What
// needs more than one gdb, a signal or the command line alone is Go code.
// The tests need gdb; scripts/setup.sh test installs it where it may.
package e2e
