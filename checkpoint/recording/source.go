package recording

// Source says where the answer of a host call came from. Calls of the recorded program itself have none.
type Source string

// Where the answers of calls come from that nobody recorded.
const (
	SourceMatched   Source = "matched"   // the answer of the same call in the parent
	SourceTape      Source = "tape"      // bytes, times and connections recorded in the parent's future
	SourceKnown     Source = "known"     // follows from what the recording says about the program: arguments, environment, open descriptors
	SourceSandbox   Source = "sandbox"   // executed on a copy-on-write view of the mounts
	SourceSynthetic Source = "synthetic" // made up, deterministically
	SourceLive      Source = "live"      // executed, with real effects
	SourceErrno     Source = "errno"     // an error that the user chose
	SourceEOF       Source = "eof"       // end of file, at the user's choice
	SourceBytes     Source = "bytes"     // bytes that the user gave
	SourceFile      Source = "file"      // bytes of a file that the user named
)

// sourceCodes are the sources by the byte that stands for them in a file: none may be moved or taken away.
var sourceCodes = []Source{"", SourceMatched, SourceTape, SourceKnown, SourceSandbox, SourceSynthetic, SourceLive, SourceErrno, SourceEOF, SourceBytes, SourceFile}
