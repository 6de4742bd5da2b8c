package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/experimental/sock"
	"github.com/tetratelabs/wazero/sys"

	"wrev/checkpoint/recording"
	"wrev/wasmvm"
)

// Record runs a program to its end as `wazero run` does and writes the
// recording to recPath. name is the program's name, its first argument.
//
// An error means that wrev failed: the program did not run, or its recording is
// not complete. If it did not run, there is no recording either. How the program
// ended, well or badly, is the End.
//
// Record may be killed at any time; the recording is good up to there.
func Record(ctx context.Context, wasm []byte, name, recPath string, o Options) (recording.End, error) {
	none := recording.End{}
	s, err := o.setup(name)
	if err != nil {
		return none, err
	}
	if err := sniff(wasm); err != nil {
		return none, err
	}
	playable := make(chan error, 1)
	go func() { playable <- checkPlayable(wasm, s.pages) }()
	p, err := compile(ctx, wasm, s)
	if err != nil {
		return none, err
	}
	defer p.close(ctx)
	if err := <-playable; err != nil {
		o.warnf("the program can be recorded, but perhaps not replayed: %v", err)
	}
	if _, ok := p.guest.ExportedFunctions()["_start"]; !ok {
		if mod, err := wasmvm.Decode(wasm); err == nil {
			o.warnNothingToRun(mod)
		}
	}

	if o.Ready != nil {
		if err := o.Ready(); err != nil {
			return none, err
		}
	}
	w, err := recording.Create(recPath, o.meta(name, s), wasm)
	if err != nil {
		return none, err
	}
	end, started, err := p.run(ctx, s, newRecorder(w, s.sizes()), o.Trapped)
	if err != nil && !started {
		// Neither error of the clean-up says more than the one there is.
		_ = w.Close(recording.End{Kind: recording.EndHostError, Trap: err.Error()})
		_ = os.Remove(recPath)
		return none, err
	}
	if closeErr := w.Close(end); err == nil {
		err = closeErr
	}
	return end, err
}

// checkPlayable reports what keeps our machine from replaying a module. wazero
// accepts more: functions with very many locals, and a few modules that are not
// quite valid.
func checkPlayable(wasm []byte, pages uint32) error {
	mod, err := wasmvm.Decode(wasm)
	if err != nil {
		return err
	}
	if _, err = wasmvm.New(mod, wasmvm.Config{MaxMemoryPages: pages}); err != nil {
		return err
	}
	if tag, ok := mod.WildTag(); ok {
		return fmt.Errorf("exceptions of tag %d carry a vector, half of which wazero writes over memory of its own: if that shows, the replay will differ", tag)
	}
	return nil
}

// warnNothingToRun warns of a library: it runs without complaint, but nothing happens.
func (o *Options) warnNothingToRun(mod *wasmvm.Module) {
	if _, ok := mod.ExportedFunc("_start"); !ok && mod.Start < 0 {
		o.warnf("the module exports no _start function and has no start section, so nothing in it runs by itself; link it as a command")
	}
}

// program is a compiled program that has not run.
type program struct {
	runtime wazero.Runtime
	guest   wazero.CompiledModule
}

// compile validates and compiles on all processors. Debug information is not
// given to wazero: it would only add source lines to its stack traces.
func compile(ctx context.Context, wasm []byte, s *setup) (*program, error) {
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(features).
		WithDebugInfoEnabled(false).
		WithMemoryLimitPages(s.pages)
	if s.cache != nil {
		config = config.WithCompilationCache(s.cache)
	}
	p := &program{runtime: wazero.NewRuntimeWithConfig(ctx, config)}
	var err error
	p.guest, err = p.runtime.CompileModule(experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0)), wasm)
	if err == nil {
		err = checkImports(p.guest)
	} else {
		err = invalid(wasm, err)
	}
	if err != nil {
		p.close(ctx)
		return nil, err
	}
	return p, nil
}

func (p *program) close(ctx context.Context) {
	_ = p.runtime.Close(ctx) // closes the program's files; it is over and nobody asks any more
}

// run instantiates the program and runs it. started is false if an error came
// before its first instruction.
func (p *program) run(ctx context.Context, s *setup, rec *recorder, trapped func(text string)) (end recording.End, started bool, err error) {
	if err := provide(ctx, p.runtime, p.guest, rec); err != nil {
		return end, false, err
	}
	mod, err := p.runtime.InstantiateModule(sock.WithConfig(ctx, s.sockets), p.guest, s.module)
	if err != nil && !inStartFunction(err) {
		return end, false, setupError(err)
	}
	if err == nil {
		err = callStart(ctx, mod)
	}
	rec.finish()
	if rec.err != nil {
		return recording.End{Kind: recording.EndHostError, Trap: rec.err.Error()}, true, rec.err
	}
	end = classify(err)
	if end.Kind != recording.EndExit && trapped != nil {
		// When wazero itself fails, its own stack is of no use to the user.
		text, _, _ := strings.Cut(err.Error(), "\n\nGo runtime stack trace:")
		trapped(text)
	}
	return end, true, nil
}

// callStart runs _start if there is one, as `wazero run` does: a module without
// it has done its work when it is instantiated.
func callStart(ctx context.Context, mod api.Module) error {
	start := mod.ExportedFunction("_start")
	if start == nil {
		return nil
	}
	_, err := start.Call(ctx)
	return err
}

// inStartFunction tells an instantiation that failed in the module's start
// function from one that failed before any instruction was run.
func inStartFunction(err error) bool {
	var exit *sys.ExitError
	return errors.As(err, &exit) || strings.HasPrefix(err.Error(), "start ")
}

// setupError explains an instantiation that failed before any instruction.
func setupError(err error) error {
	switch text := err.Error(); {
	case errors.Is(err, syscall.EADDRINUSE):
		return problemf(ErrOption, "%w; choose another port, or end the program that listens there", err)
	case strings.HasPrefix(text, "listen "):
		return problemf(ErrOption, "%w; choose an address of this machine and a port that you may use", err)
	case strings.HasPrefix(text, "import ") || strings.HasSuffix(text, "not instantiated") || strings.Contains(text, "is not exported in module"):
		return problemf(ErrImport, "the module imports what wrev does not provide: %w; it provides the functions of WASI preview 1", err)
	default:
		return problemf(ErrInvalid, "the module cannot be instantiated: %w", err)
	}
}

// classify turns the error of a run into the end of the recording.
func classify(err error) recording.End {
	var exit *sys.ExitError
	switch {
	case err == nil:
		return recording.End{Kind: recording.EndExit}
	case errors.As(err, &exit):
		return recording.End{Kind: recording.EndExit, ExitCode: exit.ExitCode()}
	}
	// wazero's trap is the innermost error, and the text around it says so, but
	// for stack overflow, which comes without a stack trace.
	inner := err
	for next := errors.Unwrap(inner); next != nil; next = errors.Unwrap(inner) {
		inner = next
	}
	text := inner.Error()
	switch {
	case err.Error() == "stack overflow" || strings.HasSuffix(err.Error(), "failed: stack overflow"):
		return recording.End{Kind: recording.EndStackOverflow, Trap: text}
	case strings.Contains(err.Error(), "wasm error: "+text):
		return recording.End{Kind: recording.EndTrap, Trap: text}
	default:
		return recording.End{Kind: recording.EndHostError, Trap: text}
	}
}

// wazeroVersion is the version of wazero in this executable.
func wazeroVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "github.com/tetratelabs/wazero" {
				return d.Version
			}
		}
	}
	return "unknown"
}
