package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bounds of one posted batch.
const (
	batchEvents = 500
	batchBytes  = 8 << 20
)

// importAgain is what to do about a stream that was not taken to its end.
const importAgain = "mend the file and import it again: what is there already is skipped"

// Imported is what became of imported events.
type Imported struct {
	Read       int64 `json:"read"`
	Accepted   int64 `json:"accepted"`
	Duplicates int64 `json:"duplicates"` // they were there already
	Conflicts  int64 `json:"conflicts"`  // other content under a known id; recorded as such
}

// Import posts the CloudEvents of a stream: JSON lines, one array, or objects
// one after another. It ends at the first event that cannot be read or is not
// taken, which is told with its line; all before it are taken by then. What is
// there already is no change, so an import that broke off is done again whole.
// name is the stream's, for problems; told, which may be nil, hears how far it is.
func (c *Client) Import(ctx context.Context, r io.Reader, name string, told func(events, bytes int64)) (Imported, error) {
	if told == nil {
		told = func(int64, int64) {}
	}
	return (&importer{post: c.Post, in: r, name: name, told: told}).run(ctx)
}

// importer gathers events into batches.
type importer struct {
	post func(ctx context.Context, contentType string, body io.Reader) ([]Outcome, error)
	in   io.Reader
	name string
	told func(read, at int64) // how far it is, in events and bytes

	sum   Imported
	batch [][]byte
	lines []int // on which each of the batch begins
	bytes int
}

func (i *importer) run(ctx context.Context) (Imported, error) {
	lines := &lineCounter{in: i.in}
	in := bufio.NewReaderSize(lines, 1<<16)
	d := json.NewDecoder(in)
	skipped, array, err := beginsArray(in)
	if err == nil && array {
		_, err = d.Token()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return i.sum, i.malformed(err, 1)
	}
	for !array || d.More() {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) && !array {
			break
		}
		if err != nil {
			line := lines.of(skipped + d.InputOffset() + spaces(d.Buffered()))
			if err := i.flush(ctx); err != nil {
				return i.sum, err // which is of one before it
			}
			return i.sum, i.malformed(err, line)
		}
		at := d.InputOffset() + skipped
		if err := i.add(ctx, raw, lines.of(at-int64(len(raw))), at); err != nil {
			return i.sum, err
		}
	}
	return i.sum, i.flush(ctx)
}

// beginsArray looks at the first byte that is no space, after so many skipped.
func beginsArray(in *bufio.Reader) (skipped int64, array bool, err error) {
	for ; ; skipped++ {
		b, err := in.ReadByte()
		if err != nil {
			return skipped, false, err
		}
		if strings.IndexByte(" \t\r\n", b) < 0 {
			return skipped, b == '[', in.UnreadByte()
		}
	}
}

// spaces is how many bytes come before the first that is none.
func spaces(r io.Reader) (n int64) {
	rest, _ := io.ReadAll(r) // of memory
	return int64(len(rest) - len(bytes.TrimLeft(rest, " \t\r\n")))
}

// lineCounter knows the lines of what was read through it.
type lineCounter struct {
	in     io.Reader
	at     int64   // how much was read
	breaks []int64 // where lines end, from the last on that was asked for
	passed int     // lines before
}

// Read reads on.
func (l *lineCounter) Read(p []byte) (int, error) {
	n, err := l.in.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			l.breaks = append(l.breaks, l.at+int64(i))
		}
	}
	l.at += int64(n)
	return n, err
}

// of gives the line of a byte, from 1; the next one asked for lies behind it.
func (l *lineCounter) of(at int64) int {
	n, _ := slices.BinarySearch(l.breaks, at)
	l.breaks, l.passed = l.breaks[n:], l.passed+n
	return l.passed + 1
}

func (i *importer) add(ctx context.Context, raw []byte, line int, at int64) error {
	if len(i.batch) == batchEvents || (len(i.batch) > 0 && i.bytes+len(raw) > batchBytes) {
		if err := i.flush(ctx); err != nil {
			return err
		}
	}
	i.batch, i.lines, i.bytes = append(i.batch, raw), append(i.lines, line), i.bytes+len(raw)
	i.told(i.sum.Read+int64(len(i.batch)), at)
	return nil
}

// flush posts what was gathered.
func (i *importer) flush(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	outcomes, err := i.post(ctx, mediaBatch, arrayOf(i.batch))
	if err != nil {
		return i.refused(ctx, err)
	}
	for _, o := range outcomes {
		switch o.Status {
		case PostAccepted:
			i.sum.Accepted++
		case PostDuplicate:
			i.sum.Duplicates++
		case PostConflict:
			i.sum.Conflicts++
		}
	}
	i.sum.Read += int64(len(i.batch))
	i.batch, i.lines, i.bytes = nil, nil, 0
	return nil
}

// refused says which event of the whole file is meant, after what comes before
// it was posted.
func (i *importer) refused(ctx context.Context, err error) error {
	var p *Problem
	if !errors.As(err, &p) {
		return err
	}
	for n := range p.Fields {
		index, ok := p.Fields[n].eventOf(len(i.batch))
		if !ok {
			continue
		}
		line := i.lines[index]
		i.batch, i.lines = i.batch[:index], i.lines[:index]
		if err := i.flush(ctx); err != nil {
			return err // which is of one before it
		}
		p.Title = fmt.Sprintf("%s: event %d is not taken", i.name, i.sum.Read+1)
		p.Fields[n].Source, p.Fields[n].Line = i.name, line
		break
	}
	return i.soFar(p)
}

func (i *importer) malformed(err error, line int) error {
	return i.soFar(&Problem{
		Kind: Invalid, Title: fmt.Sprintf("%s: event %d cannot be read", i.name, i.sum.Read+1),
		Fields: []Field{{Source: i.name, Line: line, Message: err.Error()}}, cause: err,
	})
}

// soFar says what is safe, and how it goes on.
func (i *importer) soFar(p *Problem) error {
	if n := i.sum.Read; n > 0 {
		p.Why = append(p.Why, fmt.Sprintf("what comes before was taken: %d of them", n))
	}
	p.Next = append(p.Next, importAgain)
	return p
}
