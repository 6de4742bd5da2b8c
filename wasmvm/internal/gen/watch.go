package main

import "fmt"

// The loops find out by the flags of a page that an access needs the driver, with a test that is false almost always. A store tests anyway, for the dirty
// pages. A load tests in the loops that watch reads only.
//
// The watch loop knows more than pages: v.fine has flags for every 8 bytes of watched ranges, by their address modulo the size of the table. They count
// only in pages that have flags themselves, so what else has the same place in the table is met seldom, and costs time only.

// watchRead leaves the loop before a load of so many bytes that may be watched. A watched range has the flags of reads on its pages and on those of the
// bytes in front of it that a load which reaches into it may begin at (see flagWatches), so the page where a load begins is enough.
func watchRead(l loop, size string) string {
	switch l {
	case watchLoop:
		return fmt.Sprintf("if *(*uint8)(unsafe.Add(flags, ea>>12))&flagRead != 0 && (%s)&flagRead != 0 {\n{exit exitMemory}\n}\n", fine(size))
	case preciseLoop:
		return "if *(*uint8)(unsafe.Add(flags, ea>>12))&flagRead != 0 {\n{exit exitMemory}\n}\n"
	}
	return ""
}

// dirty leaves the loop before a store of so many bytes to a page that is clean or watched, or across pages.
func dirty(l loop, size string) string {
	across := ""
	if size != "1" {
		across = " || ea&4095 > 4096-" + size
	}
	const flags = "*(*uint8)(unsafe.Add(flags, ea>>12))"
	if l == watchLoop {
		return fmt.Sprintf("if f := %s; f != flagDirty && (f&flagDirty == 0 || (%s)&flagWrite != 0)%s {\n{exit exitMemory}\n}\n", flags, fine(size), across)
	}
	return fmt.Sprintf("if %s != flagDirty%s {\n{exit exitMemory}\n}\n", flags, across)
}

// fine are the flags of the granules of an access.
func fine(size string) string {
	at := func(plus string) string { return "v.fine[(ea" + plus + ")>>fineShift&(fineSize-1)]" }
	switch size {
	case "1":
		return at("")
	case "16":
		return at("") + " | " + at("+8") + " | " + at("+15")
	}
	return at("") + " | " + at("+"+size+"-1")
}
