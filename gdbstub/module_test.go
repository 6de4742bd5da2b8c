package gdbstub_test

import (
	"testing"

	"wrev/internal/wasmenc"
)

// Function indexes of the test module.
const (
	fnProcExit = iota
	fnWrite
	fnFact
	fnStore
	fnEnd
	fnStart
)

// Where the test module keeps things in memory.
const (
	addrIOV   = 16
	addrText  = 32
	addrCell  = 64
	addrStack = 4096
)

// endings are the bodies that the last function of a test module can have.
var endings = map[string]func(c *wasmenc.Code){
	"exit": func(c *wasmenc.Code) {
		c.OpU(0x41, 3) // i32.const 3
		c.OpU(0x10, fnProcExit)
	},
	"return": func(c *wasmenc.Code) {},
	"divide": func(c *wasmenc.Code) {
		c.OpU(0x41, 1)
		c.OpU(0x41, 0)
		c.Op(0x6D, 0x1A) // i32.div_s, drop
	},
	"memory": func(c *wasmenc.Code) {
		c.Op(0x41, 0x7F)       // i32.const -1
		c.Op(0x28, 0, 0, 0x1A) // i32.load, drop
	},
	"unreachable": func(c *wasmenc.Code) { c.Op(0x00) },
	"overflow":    func(c *wasmenc.Code) { c.OpU(0x10, fnEnd) },
	"loop": func(c *wasmenc.Code) {
		c.Op(0x03, 0x40, 0x0C, 0, 0x0B) // loop, br 0, end
	},
}

// testModule makes a module whose _start computes fact(5) by recursion, stores it
// at addrCell, prints "hi\n" twice, sets a local and a global, and ends as named.
//
//	0 proc_exit  1 fd_write  2 fact(n)  3 store(v)  4 end()  5 _start
func testModule(t testing.TB, ending string) []byte {
	t.Helper()
	end, ok := endings[ending]
	if !ok {
		t.Fatalf("there is no test module that ends with %q", ending)
	}
	types := wasmenc.Code{
		0x60, 1, 0x7F, 0, // 0: (i32)
		0x60, 4, 0x7F, 0x7F, 0x7F, 0x7F, 1, 0x7F, // 1: (i32 i32 i32 i32) -> i32
		0x60, 1, 0x7F, 1, 0x7F, // 2: (i32) -> i32
		0x60, 0, 0, // 3: ()
	}
	var imports wasmenc.Code
	for i, name := range []string{"proc_exit", "fd_write"} {
		imports.Name("wasi_snapshot_preview1")
		imports.Name(name)
		imports.Op(0, byte(i))
	}
	var global wasmenc.Code
	global.Op(0x7F, 1, 0x41)
	global.S(addrStack)
	global.Op(0x0B)
	var exports wasmenc.Code
	exports.Name("memory")
	exports.Op(2, 0)
	exports.Name("_start")
	exports.Op(0, fnStart)

	var code wasmenc.Code
	code.Bytes(factBody())
	code.Bytes(storeBody())
	body := wasmenc.Code{0}
	end(&body)
	body.Op(0x0B)
	code.Bytes(body)
	code.Bytes(startBody())

	var data wasmenc.Code
	data.Op(0, 0x41)
	data.S(addrIOV)
	data.Op(0x0B)
	data.Bytes([]byte{addrText, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'h', 'i', '\n'})

	var names wasmenc.Code
	names.Name("name")
	var functions wasmenc.Code
	functions.U(6)
	for i, name := range []string{"proc_exit", "fd_write", "fact", "store", "end", "_start"} {
		functions.U(uint64(i))
		functions.Name(name)
	}
	names.Op(1)
	names.Bytes(functions)

	mod := wasmenc.Code(wasmenc.Header)
	mod.Section(1, 4, types)
	mod.Section(2, 2, imports)
	mod.Section(3, 4, wasmenc.Code{2, 0, 3, 3})
	mod.Section(5, 1, wasmenc.Code{0, 1})
	mod.Section(6, 1, global)
	mod.Section(7, 2, exports)
	mod.Section(10, 4, code)
	mod.Section(11, 1, data)
	mod.Op(0)
	mod.Bytes(names)
	return mod
}

// factBody: if n < 2 then 1 else fact(n-1) * n.
func factBody() wasmenc.Code {
	c := wasmenc.Code{0}
	c.OpU(0x20, 0)   // local.get n
	c.OpU(0x41, 2)   // i32.const 2
	c.Op(0x48)       // i32.lt_s
	c.Op(0x04, 0x7F) // if (result i32)
	c.OpU(0x41, 1)   // i32.const 1
	c.Op(0x05)       // else
	c.OpU(0x20, 0)   // local.get n
	c.OpU(0x41, 1)   // i32.const 1
	c.Op(0x6B)       // i32.sub
	c.OpU(0x10, fnFact)
	c.OpU(0x20, 0)         // local.get n
	c.Op(0x6C, 0x0B, 0x0B) // i32.mul, end, end
	return c
}

func storeBody() wasmenc.Code {
	c := wasmenc.Code{0}
	c.Op(0x41)
	c.S(addrCell)
	c.OpU(0x20, 0)    // local.get v
	c.OpU(0x36, 2, 0) // i32.store
	c.Op(0x0B)
	return c
}

// startBody has one local, an i64.
func startBody() wasmenc.Code {
	c := wasmenc.Code{1, 1, 0x7E}
	c.OpU(0x41, 5)
	c.OpU(0x10, fnFact)
	c.OpU(0x10, fnStore)
	for range 2 {
		for _, v := range []int64{1, addrIOV, 1, 48} {
			c.Op(0x41)
			c.S(v)
		}
		c.OpU(0x10, fnWrite)
		c.Op(0x1A) // drop
	}
	c.Op(0x42)
	c.S(-2)
	c.OpU(0x21, 0) // local.set 0
	c.Op(0x41)
	c.S(addrStack - 16)
	c.OpU(0x24, 0) // global.set __stack_pointer
	c.OpU(0x10, fnEnd)
	c.Op(0x0B)
	return c
}
