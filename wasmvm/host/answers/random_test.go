package answers

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"wrev/checkpoint/recording"
)

// act is one call of a random program, the same in the trunk and in a branch.
type act func(g *guest)

// randomActs makes the calls of a random program in the trunk, and returns them.
func randomActs(rng *rand.Rand, trunk *guest, n int) (acts []act) {
	var conns, files []uint32
	pick := func(list []uint32) uint32 { return list[rng.IntN(len(list))] }
	do := func(a act) {
		a(trunk)
		acts = append(acts, a)
	}
	for len(acts) < n {
		data := strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(9))
		size := len(data) + rng.IntN(4)
		where := uint64(8 + 8*rng.IntN(3))
		now := uint64(len(acts)) * 1000
		switch k := rng.IntN(9); {
		case k == 0 || len(conns) == 0:
			do(func(g *guest) { g.accept() })
			conns = append(conns, trunk.word(addrCount))
		case k == 1 || len(files) == 0:
			do(func(g *guest) { g.open("some file", 0) })
			files = append(files, trunk.word(addrCount))
		case k == 2:
			fd := pick(conns)
			do(func(g *guest) { g.read(fd, size, data) })
		case k == 3:
			fd := pick(files)
			do(func(g *guest) { g.read(fd, size, data) })
		case k == 4:
			fd := pick(append([]uint32{1}, conns...))
			do(func(g *guest) { g.write(fd, data) })
		case k == 5:
			do(func(g *guest) { g.time(where, now) })
		case k == 6:
			do(func(g *guest) { g.read(0, size, data) })
		case k == 7 && len(conns) > 1:
			fd := conns[0]
			conns = conns[1:]
			do(func(g *guest) { g.close(fd) })
		default:
			do(func(g *guest) {
				g.call(func(r *request) recording.HostCall { return r.ok(put{0, []byte(data)}) }, "random_get", addrBuffer, uint64(len(data)))
			})
		}
	}
	return acts
}

// TestTheSameCallsGetTheSameAnswers: a branch that does what its parent did gets
// all of it from matched, however often a new session begins.
func TestTheSameCallsGetTheSameAnswers(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			trunk := newTrunk(t)
			acts := randomActs(rng, trunk, 80)
			fork := rng.IntN(len(acts))
			b := trunk.fork(uint64(fork), "matched")
			for i, do := range acts[fork:] {
				if rng.IntN(10) == 0 {
					b = b.later("matched")
				}
				do(b)
				b.want(byMatch, b.errno)
				n := fork + i
				got, want := b.log.lines[1].calls[i], trunk.log.lines[0].calls[n]
				if !reflect.DeepEqual(got.Results, want.Results) || !reflect.DeepEqual(got.Writes, want.Writes) {
					t.Fatalf("call %d is answered by %+v, in the parent by %+v", n, got, want)
				}
			}
		})
	}
}

// TestABranchReadsWhatItsParentRead: in whatever portions, by matched and tape in
// turn, in several sessions and in branches of the branch, a stream is the same.
func TestABranchReadsWhatItsParentRead(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 3))
			trunk := newTrunk(t)
			conn := trunk.accept()
			var want strings.Builder
			for i := range 20 {
				part := strings.Repeat(string(rune('a'+i)), 1+rng.IntN(12))
				want.WriteString(part)
				trunk.read(conn, len(part)+rng.IntN(2), part)
			}
			trunk.read(conn, 5, "")
			b := trunk.fork(1, "matched,tape")
			var got strings.Builder
			for {
				switch rng.IntN(8) {
				case 0:
					b = b.later("matched,tape")
				case 1:
					if b.branch < 5 {
						b = b.fork(b.log.Calls(b.branch), "matched,tape")
					}
				}
				part := b.read(conn, 1+rng.IntN(16), "")
				if b.err != nil {
					t.Fatal(b.err)
				}
				if part == "" {
					break
				}
				got.WriteString(part)
			}
			if got.String() != want.String() {
				t.Errorf("the branch reads %q, the parent read %q", got.String(), want.String())
			}
		})
	}
}
