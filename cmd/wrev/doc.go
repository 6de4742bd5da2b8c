// Command wrev records WebAssembly programs on wazero's compiler and replays
// them under stock debuggers, forwards and backwards, or runs them live there.
//
// The package is the command line and nothing else: one file a subcommand, each
// turning flags into calls of the packages below it and their errors into one
// clear line on stderr. Nobody imports it. Three promises are kept here for
// scripts that call wrev:
//
//   - what the program prints goes to stdout and stderr untouched; wrev's own
//     lines go to stderr and begin with "wrev: ";
//   - exit code 2 means wrong usage, 1 means that wrev itself failed, and
//     `wrev record` (and debug) otherwise exits with the program's own exit code;
//   - flags after APP.wasm belong to the program.
package main
