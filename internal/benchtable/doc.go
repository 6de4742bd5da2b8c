// Package benchtable measures the engines against each other and prints the
// figures as tables. Figures that are quoted are ratios from one run, because
// absolute times say more about the machine than about the program.
//
// `make bench` (internal/tools/bench) and the benchmarks of wasmvm use it; nothing
// that is shipped does.
package benchtable
