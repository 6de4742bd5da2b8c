module wrev

go 1.26.0

require (
	github.com/go-delve/delve v1.27.2
	github.com/pierrec/lz4/v4 v4.1.33
	github.com/spf13/pflag v1.1.0
	github.com/tetratelabs/wazero v1.12.0
	golang.org/x/sys v0.50.0
)

require golang.org/x/term v0.48.0
