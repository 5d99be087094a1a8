package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"strings"
)

// Lengths below which a text is not masked: it would occur by chance, and the
// mask would tell more than it hides.
const (
	minMasked     = 6  // bytes of a value or of another form of it
	minMaskedLine = 12 // bytes of one line of a value with several
)

const mask = "***"

// Redactor finds known values in text: as they are, line by line where they
// have several, and as JSON, URLs and base64 write them. Every byte of every
// occurrence is masked, also where occurrences overlap; each run becomes "***".
// It cannot find what a program derives from a value in other ways.
//
// It is an Aho-Corasick automaton: one pass, whatever the number of values.
// It is safe for concurrent use.
type Redactor struct {
	nodes []node
	roots [256]int32 // the node after the first byte, 0 is none
}

type node struct {
	child, sibling int32 // first child; next child of the same parent; 0 is none
	fail           int32 // the node of the longest proper suffix that is in the tree
	depth          int32
	match          int32 // length of the longest form that ends here, 0 is none
	char           byte
}

// Redact returns a Redactor of the values.
func Redact(values ...string) *Redactor {
	r := &Redactor{nodes: make([]node, 1)} // node 0 is the root
	for _, value := range values {
		for _, form := range forms(value) {
			r.insert(form)
		}
	}
	r.link()
	return r
}

// forms lists how a value may stand in a log.
func forms(value string) []string {
	if len(value) < minMasked {
		return nil
	}
	list := []string{value, url.QueryEscape(value), url.PathEscape(value)}
	if quoted, err := json.Marshal(value); err == nil {
		list = append(list, strings.Trim(string(quoted), `"`))
	}
	raw := []byte(value)
	list = append(list, base64.RawStdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw))
	if strings.Contains(value, "\n") {
		for line := range strings.Lines(value) {
			// The frame of a PEM block is no secret, and stands in other texts too.
			if line = strings.TrimSpace(line); len(line) >= minMaskedLine && !strings.HasPrefix(line, "-----") {
				list = append(list, line)
			}
		}
	}
	return list
}

func (r *Redactor) insert(form string) {
	if len(form) < minMasked {
		return
	}
	at := int32(0)
	for i := range len(form) {
		next := r.child(at, form[i])
		if next == 0 {
			next = int32(len(r.nodes))
			r.nodes = append(r.nodes, node{char: form[i], depth: int32(i + 1), sibling: r.nodes[at].child})
			r.nodes[at].child = next
			if at == 0 {
				r.roots[form[i]] = next
			}
		}
		at = next
	}
	r.nodes[at].match = int32(len(form))
}

func (r *Redactor) child(at int32, char byte) int32 {
	if at == 0 {
		return r.roots[char]
	}
	c := r.nodes[at].child
	for c != 0 && r.nodes[c].char != char {
		c = r.nodes[c].sibling
	}
	return c
}

// link sets where to go on when a byte does not fit, shallow nodes first.
func (r *Redactor) link() {
	queue := make([]int32, 0, len(r.nodes))
	for _, n := range r.roots {
		if n != 0 {
			queue = append(queue, n)
		}
	}
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		for c := r.nodes[at].child; c != 0; c = r.nodes[c].sibling {
			fail := r.step(r.nodes[at].fail, r.nodes[c].char)
			r.nodes[c].fail = fail
			// A shorter form may end where a longer one is still under way.
			r.nodes[c].match = max(r.nodes[c].match, r.nodes[fail].match)
			queue = append(queue, c)
		}
	}
}

// step is the node after reading char at a node.
func (r *Redactor) step(at int32, char byte) int32 {
	for {
		if next := r.child(at, char); next != 0 || at == 0 {
			return next
		}
		at = r.nodes[at].fail
	}
}

// String returns s with the values masked.
func (r *Redactor) String(s string) string {
	var out bytes.Buffer
	w := r.Writer(&out)
	_, _ = io.WriteString(w, s) // a Buffer never fails
	_ = w.Close()
	return out.String()
}

// Writer returns a writer that masks what is written on its way to w, wherever
// the text is cut into writes. It holds back only what may be the beginning of
// a value; Close gives that out. It does not close w, and is for one goroutine.
func (r *Redactor) Writer(w io.Writer) io.WriteCloser { return &redacting{r: r, w: w} }

type redacting struct {
	r *Redactor
	w io.Writer

	at      int32  // node of the automaton
	held    []byte // what may yet become part of an occurrence: at most as many bytes as the node is deep
	room    []byte // the array of held, from its beginning, to use again when held is empty
	start   int    // offset of held[0] in all that was written
	hits    []span // in held, ordered and apart from each other
	masking bool   // the last byte given out was masked
	out     []byte
}

// span is a range of offsets, half-open.
type span struct{ from, to int }

// Write implements io.Writer. After an error of w the text is lost, as it is
// with any buffer.
func (m *redacting) Write(p []byte) (int, error) {
	m.out = m.out[:0]
	for i := 0; i < len(p); i++ {
		if m.at == 0 {
			run := i
			for run < len(p) && m.r.roots[p[run]] == 0 {
				run++
			}
			if run > i {
				m.out = append(m.out, p[i:run]...)
				m.start += run - i
				m.masking = false
			}
			if i = run; i == len(p) {
				break
			}
		}
		m.at = m.r.step(m.at, p[i])
		m.hold(p[i])
		n := m.r.nodes[m.at]
		if n.match > 0 {
			m.hit(int(n.match))
		}
		m.release(len(m.held) - int(n.depth))
	}
	// What is hidden already stays hidden, whatever follows.
	if len(m.hits) > 0 && m.hits[0].from <= m.start {
		m.release(m.hits[0].to - m.start)
	}
	return len(p), m.flush()
}

// Close gives out what is held back.
func (m *redacting) Close() error {
	m.out = m.out[:0]
	m.release(len(m.held))
	m.at = 0
	return m.flush()
}

func (m *redacting) flush() error {
	if len(m.out) == 0 {
		return nil
	}
	_, err := m.w.Write(m.out)
	return err
}

// hit notes that the last length bytes are a value.
func (m *redacting) hit(length int) {
	end := m.start + len(m.held)
	found := span{end - length, end}
	for len(m.hits) > 0 && m.hits[len(m.hits)-1].to >= found.from {
		found.from = min(found.from, m.hits[len(m.hits)-1].from)
		m.hits = m.hits[:len(m.hits)-1]
	}
	m.hits = append(m.hits, found)
}

// release gives out the first n bytes that are held, masked where they were hit.
func (m *redacting) release(n int) {
	for n > 0 {
		if len(m.hits) == 0 || m.hits[0].from >= m.start+n {
			m.give(n)
			return
		}
		hit := m.hits[0]
		if hit.from > m.start {
			n -= m.give(hit.from - m.start)
			continue
		}
		if !m.masking {
			m.out = append(m.out, mask...)
			m.masking = true
		}
		hidden := min(hit.to-m.start, n)
		m.drop(hidden)
		n -= hidden
		if m.start == hit.to {
			m.hits = m.hits[1:]
		}
	}
}

// give puts n bytes out as they are.
func (m *redacting) give(n int) int {
	m.out = append(m.out, m.held[:n]...)
	m.masking = false
	m.drop(n)
	return n
}

func (m *redacting) drop(n int) {
	m.held = m.held[n:]
	m.start += n
	if len(m.held) == 0 {
		m.held = m.room[:0]
	}
}

// hold appends a byte; what moved to a new array takes that as its room.
func (m *redacting) hold(char byte) {
	full := len(m.held) == cap(m.held)
	m.held = append(m.held, char)
	if full {
		m.room = m.held[:0]
	}
}
