package wasmvm

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"wrev/wasmvm/internal/loopcode"
)

// TestLoopCode looks at the machine code of the loops of fast code, in this package's test program and in the command: what the compiler makes of it decides
// over up to half of its speed.
func TestLoopCode(t *testing.T) {
	for name, build := range map[string][]string{
		"test program": {"test", "-c"},
		"command":      {"build"},
	} {
		t.Run(name, func(t *testing.T) {
			where := "."
			if name == "command" {
				where = "../cmd/wrev"
			}
			file := filepath.Join(t.TempDir(), "program")
			cmd := exec.Command("go", append(build, "-o", file, where)...)
			cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "GOFLAGS=")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, function := range []string{"runFast", "runWatch"} {
				code, err := loopcode.Disassemble(file, `^wrev/wasmvm\.\(\*vm\)\.`+function+`$`)
				if err != nil {
					t.Fatal(err)
				}
				loop, err := loopcode.Find(code)
				if err != nil {
					t.Fatalf("%s: %v", function, err)
				}
				for _, p := range loop.Problems() {
					t.Errorf("%s: %s", function, p)
				}
			}
		})
	}
}
