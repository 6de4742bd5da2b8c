package answers

import (
	"bytes"
	"testing"

	"wrev/checkpoint/recording"
)

const (
	byMatch     = recording.SourceMatched
	byTape      = recording.SourceTape
	byKnown     = recording.SourceKnown
	bySynthetic = recording.SourceSynthetic
)

// conversation records a program that serves one connection and returns the
// number of calls before the first read.
func conversation(t *testing.T) (trunk *guest, fork uint64, conn uint32) {
	trunk = newTrunk(t)
	conn = trunk.accept()
	fork = trunk.log.Calls(0)
	trunk.read(conn, 8, "GET / HT")
	trunk.read(conn, 8, "TP\n")
	trunk.write(conn, "200\n")
	trunk.read(conn, 8, "")
	trunk.close(conn)
	return trunk, fork, conn
}

func TestMatchedAnswersTheSameCalls(t *testing.T) {
	trunk, fork, conn := conversation(t)
	b := trunk.fork(fork, "matched")
	b.wantText(b.read(conn, 8, ""), "GET / HT", byMatch)
	b.wantText(b.read(conn, 8, ""), "TP\n", byMatch)
	b.write(conn, "200\n")
	b.want(byMatch, errnoOK)
	b.write(conn, "404\n")
	b.wantWait("fd_write(fd=5", `"404\n"`, "connection that host call 0 accepted, 11 bytes read so far", "matched: the parent makes no such call")
	b.wantText(b.read(conn, 8, ""), "", byMatch)
	b.read(conn, 8, "")
	b.wantWait("matched:")
	b.close(conn)
	b.want(byMatch, errnoOK)
	b.close(conn)
	b.want(byKnown, errnoBadf)
}

func TestTapeGivesTheBytesInTheSizesAskedFor(t *testing.T) {
	trunk, fork, conn := conversation(t)
	b := trunk.fork(fork, "matched,tape,ask")
	b.wantText(b.read(conn, 3, ""), "GET", byTape)
	b.write(conn, "404\n")
	b.want(byTape, errnoOK)
	b.wantText(b.read(conn, 8, ""), " / HTTP\n", byTape) // not what the parent read with 8
	b.wantText(b.read(conn, 8, ""), "", byMatch)         // the end, where the parent met it, too
	b.wantText(b.read(conn, 100, ""), "", byTape)        // and it stays the end
	b.accept()
	b.wantWait("descriptor 4 is the listening socket 127.0.0.1:80", "tape: no more connections")
}

func TestMatchedAndTapeShareOnePosition(t *testing.T) {
	trunk, fork, conn := conversation(t)
	b := trunk.fork(fork, "matched,tape")
	b.wantText(b.read(conn, 8, ""), "GET / HT", byMatch)
	b.wantText(b.read(conn, 1, ""), "T", byTape)
	b = b.later("matched,tape") // comes to the same account from the log
	b.wantText(b.read(conn, 8, ""), "P\n", byTape)
	b.wantText(b.read(conn, 8, ""), "", byMatch)
}

func TestAcceptFromTapeGetsAFreeNumber(t *testing.T) {
	trunk := newTrunk(t)
	one := trunk.accept()
	trunk.read(one, 8, "one")
	two := trunk.accept()
	trunk.read(two, 8, "two")
	b := trunk.fork(0, "matched,tape,synthetic")
	file := b.open("log", 1)
	b.want(bySynthetic, errnoOK)
	if file != fdFirst {
		t.Fatalf("opened %d, want %d", file, fdFirst)
	}
	conn := b.accept()
	b.want(byTape, errnoOK)
	if conn != fdFirst+1 {
		t.Fatalf("accepted %d, want %d", conn, fdFirst+1)
	}
	b.wantText(b.read(conn, 8, ""), "one", byTape)
	b.close(file)
	conn = b.accept()
	b.want(byTape, errnoOK)
	b.wantText(b.read(conn, 2, ""), "tw", byTape)
	b.wantText(b.read(conn, 2, ""), "o", byTape)
	b.read(conn, 2, "")
	b.want(bySynthetic, errnoConnReset)
}

func TestFilesAreReadByOffset(t *testing.T) {
	trunk := newTrunk(t)
	file := trunk.open("input", 0)
	trunk.read(file, 4, "0123")
	fork := trunk.log.Calls(0)
	trunk.read(file, 4, "4567")
	trunk.read(file, 4, "89")
	trunk.read(file, 4, "")
	trunk.close(file)

	b := trunk.fork(fork, "matched,tape,ask")
	b.wantText(b.read(file, 6, ""), "456789", byTape)
	b.wantText(b.read(file, 4, ""), "", byMatch) // at the same offset
	b.call(nil, "fd_seek", uint64(file), 5, 0, addrCount)
	b.want(byKnown, errnoOK)
	b.wantText(b.read(file, 4, ""), "5678", byTape)
	b.call(nil, "fd_seek", uint64(file), 0, 0, addrCount)
	b.read(file, 4, "") // was read before the fork only
	b.wantWait("fd_read", "file that host call 0 opened, at offset 0", "reads nothing at offset 0")
}

func TestAFileThatTheBranchChangedIsNotRead(t *testing.T) {
	trunk := newTrunk(t)
	file := trunk.open("both", 1)
	trunk.write(file, "abcd")
	trunk.call(func(r *request) recording.HostCall { return r.ok(put{3, le64(0)}) }, "fd_seek", uint64(file), 0, 0, addrCount)
	trunk.read(file, 8, "abcd")
	for name, tt := range map[string]struct {
		text   string
		source recording.Source
	}{"as the parent": {"abcd", byMatch}, "otherwise": {"ABCD", bySynthetic}} {
		t.Run(name, func(t *testing.T) {
			b := trunk.fork(1, "matched,tape,synthetic")
			b.write(file, tt.text)
			b.want(tt.source, errnoOK)
			b.call(nil, "fd_seek", uint64(file), 0, 0, addrCount)
			b.read(file, 8, "")
			b.want(tt.source, errnoOK)
		})
	}
	t.Run("not at all", func(t *testing.T) {
		b := trunk.fork(1, "matched,synthetic")
		b.call(nil, "fd_seek", uint64(file), 0, 0, addrCount)
		b.wantText(b.read(file, 8, ""), "", bySynthetic)
	})
}

func TestClocksGoOn(t *testing.T) {
	trunk := newTrunk(t)
	trunk.time(8, 100)
	fork := trunk.log.Calls(0)
	trunk.time(8, 200)
	trunk.time(16, 300)
	trunk.time(8, 400)
	b := trunk.fork(fork, "matched,tape,ask")
	check := func(got, want uint64, source recording.Source) {
		t.Helper()
		b.want(source, errnoOK)
		if got != want {
			t.Fatalf("the clock shows %d, want %d", got, want)
		}
	}
	check(b.time(24, 0), 200, byTape) // another result pointer
	check(b.time(8, 0), 400, byMatch) // not 200 again
	check(b.time(8, 0), 400+tick, byTape)
	check(b.time(8, 0), 400+2*tick, byTape)
	b = b.later("synthetic")
	check(b.time(8, 0), 400+3*tick, bySynthetic)
}

func TestRandomNumbers(t *testing.T) {
	trunk := newTrunk(t)
	noise := func(g *guest, n uint64, data string) string {
		g.call(func(r *request) recording.HostCall { return r.ok(put{0, []byte(data)}) }, "random_get", addrBuffer, n)
		return string(g.m.Memory()[addrBuffer:][:n])
	}
	noise(trunk, 4, "abcd")
	noise(trunk, 4, "efgh")
	b := trunk.fork(0, "matched,tape,synthetic")
	b.wantText(noise(b, 3, ""), "abc", byTape)
	b.wantText(noise(b, 4, ""), "defg", byTape)
	first := noise(b, 4, "")
	b.want(bySynthetic, errnoOK)
	if second := noise(b, 4, ""); second == first {
		t.Errorf("the same numbers twice: %x", first)
	}
	other := trunk.fork(0, "synthetic")
	one := noise(other, 4, "")
	other = trunk.fork(0, "synthetic")
	if two := noise(other, 4, ""); one == two {
		t.Errorf("two branches have the same numbers: %x", one)
	}
}

func subscription(data byte, kind byte, fd uint32, timeout uint64) []byte {
	s := make([]byte, sizeSubscription)
	s[0], s[8] = data, kind
	copy(s[16:], le32(fd))
	copy(s[24:], le64(timeout))
	return s
}

func TestPollAgreesWithTheTape(t *testing.T) {
	trunk, fork, conn := conversation(t)
	b := trunk.fork(fork, "matched,tape,ask")
	poll := func(subs ...[]byte) []byte {
		b.poke(addrPoll, bytes.Join(subs, nil))
		if b.call(nil, "poll_oneoff", addrPoll, addrEvents, uint64(len(subs)), addrCount) == nil {
			return nil
		}
		return b.m.Memory()[addrEvents:][:b.word(addrCount)*sizeEvent]
	}
	reading, waiting := subscription(7, eventRead, conn, 0), subscription(9, eventClock, clockMonotonic, 5000)
	if e := poll(reading, waiting); len(e) != sizeEvent || e[0] != 7 || e[8] != 0 || e[10] != eventRead {
		t.Fatalf("events %v, want that the connection is ready", e)
	}
	b.want(byTape, errnoOK)
	for b.read(conn, 5, "") != "" {
	}
	b.close(conn)
	if e := poll(reading, waiting); len(e) != sizeEvent || e[8] != errnoBadf {
		t.Fatalf("events %v, want that the descriptor is not open", e)
	}
	listening := subscription(7, eventRead, fdListener, 0)
	if e := poll(listening, waiting); len(e) != sizeEvent || e[0] != 9 {
		t.Fatalf("events %v, want that the time is over", e)
	}
	if now := b.time(8, 0); now < 5000 {
		t.Errorf("the clock shows %d after waiting for 5000", now)
	}
	if poll(listening); b.err == nil {
		t.Fatal("there is an event, want none for ever")
	}
	b.wantWait("poll_oneoff", "tape: none of the descriptors that it waits for becomes ready")
}

func TestBranchOfABranch(t *testing.T) {
	trunk, fork, conn := conversation(t)
	one := trunk.fork(fork, "matched,tape,ask")
	one.wantText(one.read(conn, 2, ""), "GE", byTape)
	inner := one.log.Calls(one.branch)
	one.wantText(one.read(conn, 2, ""), "T ", byTape)

	two := one.fork(inner, "matched,tape,ask")
	two.wantText(two.read(conn, 1, ""), "T", byTape)
	two.wantText(two.read(conn, 6, ""), " ", byTape) // that is where its parent stopped
	two.wantText(two.read(conn, 6, ""), "/ HTTP", byTape)
	two = two.later("matched,tape,ask")
	two.wantText(two.read(conn, 6, ""), "\n", byTape)
	two.wantText(two.read(conn, 8, ""), "", byMatch)
}

func TestStandardInput(t *testing.T) {
	trunk := newTrunk(t)
	trunk.read(0, 16, "first line\n")
	trunk.read(0, 16, "second line\n")
	b := trunk.fork(1, "matched,tape,ask")
	b.wantText(b.read(0, 6, ""), "second", byTape)
	b.wantText(b.read(0, 16, ""), " line\n", byTape)
	b.read(0, 16, "")
	b.wantWait("descriptor 0 is standard input, 23 bytes read so far", "all that was recorded for descriptor 0 has been read")
}
