# What can be made here. `make help` lists it.

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
PREFIX ?= /usr/local

.DEFAULT_GOAL := build
.PHONY: build demo demo-fork real test race bench fuzz fixtures lint generate install clean help

build: ## build bin/wrev
	$(GO) build -o bin/wrev ./cmd/wrev

demo: build ## record a program that dies, then walk back to the cause in gdb
	@scripts/setup.sh demo
	@scripts/demo.sh

demo-fork: build ## go back in that recording, change something, go on to a good end; undo, redo
	@scripts/setup.sh demo
	@scripts/demo-fork.sh

real: build ## record, verify and walk back in SQLite and the tests of Go's packages (10 min)
	@scripts/setup.sh real
	@scripts/real.sh

test: build ## run every test, those against real gdb included
	@scripts/setup.sh test
	$(GO) test -timeout 25m ./...

# Without the engine's own tests, which take five minutes so and run one machine on one goroutine.
race: ## run the tests of the packages with goroutines under the race detector
	$(GO) test -race -short -timeout 25m ./gdbstub/... ./reverse/... ./checkpoint/... ./wasmvm/host/... ./wasmvm/debuginfo ./cmd/...

bench: build ## print the figures that the README quotes, as one table
	$(GO) run ./internal/tools/bench

FUZZTIME ?= 20s
fuzz: ## run every fuzz target, and random modules against wazero, for FUZZTIME (20s) each
	@scripts/fuzz.sh $(FUZZTIME)

fixtures: ## rebuild the committed .wasm files under testdata (needs clang, rustc)
	@scripts/setup.sh fixtures
	@scripts/fixtures.sh

generate: ## regenerate the generated Go files
	$(GO) generate ./...

lint: ## gofmt, go vet, staticcheck, shellcheck, generated files up to date
	@scripts/setup.sh lint
	@GO="$(GO)" STATICCHECK="$(STATICCHECK)" scripts/lint.sh

install: build ## install wrev under PREFIX (/usr/local)
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 bin/wrev "$(DESTDIR)$(PREFIX)/bin/wrev"

clean: ## remove what make built
	rm -rf bin

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
