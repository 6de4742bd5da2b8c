package benchtable

import (
	"math"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	table := &Table{Title: "Title", Header: []string{"what", "ms", "ratio"}, Notes: []string{"a note"}}
	table.Add("one", 1.2345, times(12.345))
	table.Add("another", 1234.5, times(0.5))
	var b strings.Builder
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	want := `Title

  what       ms  ratio
  one      1.23  12.3x
  another  1234  0.50x
  a note

`
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}

func TestGeoMean(t *testing.T) {
	if g := GeoMean([]float64{2, 8}); math.Abs(g-4) > 1e-9 {
		t.Errorf("geometric mean of 2 and 8 is %v", g)
	}
	if g := GeoMean(nil); g != 0 {
		t.Errorf("geometric mean of nothing is %v", g)
	}
}
