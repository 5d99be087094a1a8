package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
// one after another. Batches are taken whole or not at all, and what is there
// already is no change, so an import that broke off is done again whole. name
// is the stream's, for problems; told, which may be nil, hears how far it is.
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
	bytes int
}

func (i *importer) run(ctx context.Context) (Imported, error) {
	in := bufio.NewReaderSize(i.in, 1<<16)
	d := json.NewDecoder(in)
	array, err := beginsArray(in)
	if err == nil && array {
		_, err = d.Token()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return i.sum, i.malformed(err)
	}
	for !array || d.More() {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) && !array {
			break
		}
		if err != nil {
			return i.sum, errors.Join(i.flush(ctx), i.malformed(err))
		}
		if err := i.add(ctx, raw, d.InputOffset()); err != nil {
			return i.sum, err
		}
	}
	return i.sum, i.flush(ctx)
}

// beginsArray looks at the first byte that is no space.
func beginsArray(in *bufio.Reader) (bool, error) {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return false, err
		}
		if strings.IndexByte(" \t\r\n", b) < 0 {
			return b == '[', in.UnreadByte()
		}
	}
}

func (i *importer) add(ctx context.Context, raw []byte, at int64) error {
	if len(i.batch) == batchEvents || (len(i.batch) > 0 && i.bytes+len(raw) > batchBytes) {
		if err := i.flush(ctx); err != nil {
			return err
		}
	}
	i.batch, i.bytes = append(i.batch, raw), i.bytes+len(raw)
	i.told(i.sum.Read+int64(len(i.batch)), at)
	return nil
}

// flush posts what was gathered.
func (i *importer) flush(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	body := append([]byte{'['}, bytes.Join(i.batch, []byte(","))...)
	outcomes, err := i.post(ctx, mediaBatch, bytes.NewReader(append(body, ']')))
	if err != nil {
		return i.refused(err)
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
	i.batch, i.bytes = nil, 0
	return nil
}

// refused says which event of the whole file is meant, and what was taken
// before it.
func (i *importer) refused(err error) error {
	var p *Problem
	if !errors.As(err, &p) {
		return err
	}
	for n := range p.Fields {
		var index int64
		if _, scanned := fmt.Sscanf(p.Fields[n].Source, "event %d", &index); scanned == nil {
			p.Fields[n].Source = fmt.Sprintf("%s: event %d", i.name, i.sum.Read+index+1)
		} else if len(i.batch) == 1 {
			p.Fields[n].Source = fmt.Sprintf("%s: event %d", i.name, i.sum.Read+1)
		}
	}
	if i.sum.Read > 0 {
		p.Why = append(p.Why, fmt.Sprintf("the %d before it were taken", i.sum.Read))
		p.Next = append(p.Next, importAgain)
	}
	return p
}

func (i *importer) malformed(err error) error {
	n := i.sum.Read + int64(len(i.batch)) + 1
	return &Problem{
		Kind: Invalid, Title: fmt.Sprintf("%s: event %d cannot be read", i.name, n),
		Why: []string{err.Error(), fmt.Sprintf("the %d before it were taken", n-1)}, Next: []string{importAgain}, cause: err,
	}
}
