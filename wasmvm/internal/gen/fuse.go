package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A fused operation does the work of several words that follow one another, with one dispatch. It replaces the operation of the first word only; the
// words behind it stay what they are and are read as operands. So code may branch into the middle of them, and a fused operation that cannot
// go on in one of its members leaves the loop with everything before that member done and pc at the member's own word: positions, traps and all
// that the driver does there need nothing new.

// fused is one fused operation, as a line of fusions lists it.
type fused struct {
	members []string // names of the operations
	chains  []string // per member: which of its fields, of "abcd", name the slot that the member before it has just written
}

// parseFusion reads a line of fusions: names separated by blanks, each perhaps with ":" and its chained fields.
func parseFusion(line string) *fused {
	f := &fused{}
	for _, w := range strings.Fields(line) {
		name, chain, _ := strings.Cut(w, ":")
		f.members = append(f.members, name)
		f.chains = append(f.chains, chain)
	}
	return f
}

// name is the name of the fused operation.
func (f *fused) name() string {
	b := ""
	for i, m := range f.members {
		if i > 0 {
			b += "_"
		}
		if b += m; f.chains[i] != "" {
			b += "_" + f.chains[i]
		}
	}
	return b
}

// fuse adds the fused operations of a loop to the table.
func fuse(l loop) error {
	byName := map[string]op{}
	for _, o := range ops {
		byName[o.name] = o
	}
	for _, line := range fusions {
		f := parseFusion(line)
		body, typ := "{\n", ""
		for i, name := range f.members {
			o, ok := byName[name]
			if !ok || !o.fast || len(f.members) < 2 {
				return fmt.Errorf("fusion %q: the fast loop has no operation %q to fuse", line, name)
			}
			m := member{i: i, loop: l, body: o.body, last: i == len(f.members)-1, chain: f.chains[i], typ: typ}
			if !m.last {
				m.feeds = f.chains[i+1] != ""
			}
			text, err := m.text()
			if err != nil {
				return fmt.Errorf("fusion %q: %s: %w", line, name, err)
			}
			body, typ = body+text, m.made
		}
		add(op{name: f.name(), fast: true, body: body + "}", fused: f})
	}
	return nil
}

// member is an operation in a fused one.
type member struct {
	i     int // its place
	loop  loop
	body  string
	last  bool
	chain string // fields that are chained to the member before
	typ   string // of the value that that one has made
	feeds bool   // the next one is chained to this one
	made  string // type of the value it makes, if it feeds
}

// resultLine matches the end of a body that makes a value: its destination and the value.
var resultLine = regexp.MustCompile(`(?s)^(.*)\{(A|Af64)\} = ([^\n]*)\n\{next\}$`)

var errMember = errors.New("it cannot be followed by another member")

// text is the member's body on its own word, without going on if it is not the last. The value for a next member that is chained is left in a variable, so
// that it need not wait for the slot to be written and read again.
func (m *member) text() (string, error) {
	declare := ""
	if !m.last {
		rest, ok := strings.CutSuffix(m.body, "\n{next}")
		if !ok || strings.Contains(rest, "{next}") {
			return "", errMember
		}
		if m.feeds {
			parts := resultLine.FindStringSubmatch(m.body)
			if parts == nil {
				return "", errMember
			}
			t := fmt.Sprintf("t%d", m.i)
			value, store := parts[3], "{A} = "+t
			m.made = "uint64"
			if v, ok := strings.CutPrefix(value, "uint64(math.Float32bits("); ok {
				m.made, value, store = "float32", strings.TrimSuffix(v, "))"), "{A} = uint64(math.Float32bits("+t+"))"
			} else if parts[2] == "Af64" {
				m.made, store = "float64", "{Af64} = "+t
			}
			declare = "var " + t + " " + m.made + "\n"
			if m.made != "uint64" {
				// The conversion keeps Go from joining a product with a sum, which would round once instead of twice.
				value = m.made + "(" + value + ")"
			}
			rest = parts[1] + t + " = " + value + "\n" + store
		}
		m.body = rest
	}
	text := m.body
	for token.MatchString(text) {
		text = token.ReplaceAllStringFunc(text, func(t string) string { return m.expand(t[1 : len(t)-1]) })
	}
	if m.i > 0 {
		pc, in := fmt.Sprintf("pc%d", m.i), fmt.Sprintf("in%d", m.i)
		text = strings.ReplaceAll(fields.ReplaceAllString(text, in+"."), "pc = ", "\x01")
		text = strings.ReplaceAll(counter.ReplaceAllString(text, pc), "\x01", "pc = ")
		head := fmt.Sprintf("%s := unsafe.Add(pc, %d)\n", pc, 16*m.i)
		if strings.Contains(text, in+".") {
			head += fmt.Sprintf("%s := (*ins)(%s)\n", in, pc)
		}
		text = head + text
	}
	return declare + "{\n" + text + "\n}\n", nil
}

var (
	fields  = regexp.MustCompile(`\bin\.`)
	counter = regexp.MustCompile(`\bpc\b`)
)

// expand replaces a token of a member's body.
func (m *member) expand(t string) string {
	word, arg, _ := strings.Cut(t, " ")
	if word == "exit" && m.i > 0 {
		return "pc = pc\ncode = " + arg + "\nbreak loop"
	}
	if m.i > 0 && m.chain != "" {
		field, suffix := strings.ToLower(word[:1]), word[1:]
		if strings.HasPrefix(word, "slot") && arg == "in.d" {
			field, suffix = "d", strings.TrimPrefix(word, "slot")
		}
		if strings.Contains(m.chain, field) && strings.Contains("|64|32|f32|f64|", "|"+suffix+"|") {
			return convert(m.typ, suffix, fmt.Sprintf("t%d", m.i-1))
		}
	}
	return expandToken(t, m.loop)
}

// convert gives a variable of a type as an operand with a suffix.
func convert(typ, suffix, t string) string {
	bits := t // as uint64
	switch {
	case typ == "float64" && suffix == "f64", typ == "float32" && suffix == "f32":
		return t
	case typ == "float64":
		bits = "math.Float64bits(" + t + ")"
	case typ == "float32":
		bits = "uint64(math.Float32bits(" + t + "))"
	}
	switch suffix {
	case "32":
		return "uint32(" + bits + ")"
	case "f32":
		return "math.Float32frombits(uint32(" + bits + "))"
	case "f64":
		return "math.Float64frombits(" + bits + ")"
	}
	return bits
}

// fusionTables declares what the lowering needs to know of the fused operations. It goes between two tables.
func fusionTables(table []op) string {
	first, list, longest := map[string]string{}, "", 1
	for _, o := range table {
		if o.fused == nil {
			continue
		}
		f := fmt.Sprintf("{op: ir%s", o.name)
		members, chains := "", ""
		for i, m := range o.fused.members {
			members += "ir" + m + ", "
			chains += fmt.Sprintf("%d, ", chainBits(o.fused.chains[i]))
		}
		f += fmt.Sprintf(", members: []irOp{%s}, chains: []uint8{%s}},\n", members, chains)
		longest = max(longest, len(o.fused.members))
		if m := o.fused.members[0]; first[m] == "" {
			list += m + " "
			first[m] = f
		} else {
			first[m] += f
		}
	}
	b := fmt.Sprintf("}\n\n// maxFused is the most words that a fused operation covers.\nconst maxFused = %d\n", longest)
	b += "\n// fusionsOf lists the fused operations by their first member.\nvar fusionsOf = [numOps][]fusion{\n"
	for _, m := range strings.Fields(list) {
		b += fmt.Sprintf("ir%s: {\n%s},\n", m, first[m])
	}
	b += "}\n\n// fusedBase is the first member of a fused operation, 0 for others.\nvar fusedBase = [numOps]irOp{\n"
	for _, o := range table {
		if o.fused != nil {
			b += fmt.Sprintf("ir%s: ir%s,\n", o.name, o.fused.members[0])
		}
	}
	return b
}

// chainBits is a set of fields as package wasmvm keeps it: a = 1, b = 2, c = 4, d = 8.
func chainBits(chain string) int {
	bits := 0
	for _, c := range chain {
		bits |= 1 << (c - 'a')
	}
	return bits
}
