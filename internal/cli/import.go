package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Bounds of one posted batch.
const (
	batchEvents = 500
	batchBytes  = 8 << 20
)

// input opens a file, or stdin for "-", and tells its size, 0 if unknown.
func (c *Command) input(path string) (io.Reader, int64, func(), error) {
	if path == "-" {
		return c.In, 0, func() {}, nil
	}
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, 0, nil, problem.New(problem.NotFound, "there is no file %s", path)
	}
	if err != nil {
		return nil, 0, nil, fmt.Errorf("open %s: %w", path, err)
	}
	size := int64(0)
	if info, err := f.Stat(); err == nil {
		size = info.Size()
	}
	return f, size, func() { _ = f.Close() }, nil
}

func megabytes(n int64) string { return catalog.FormatBytes(n) }

// importer posts events in batches, each taken whole or not at all.
type importer struct {
	post func(ctx context.Context, contentType string, body io.Reader) ([]client.Outcome, error)
	in   io.Reader
	name string
	told func(read, at int64) // how far it is, in events and bytes

	sum   importSum
	batch [][]byte
	bytes int
}

func (i *importer) run(ctx context.Context) (importSum, error) {
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
	outcomes, err := i.post(ctx, event.MediaBatch, bytes.NewReader(append(body, ']')))
	if err != nil {
		return i.refused(err)
	}
	for _, o := range outcomes {
		switch o.Status {
		case event.Accepted:
			i.sum.Accepted++
		case event.Duplicate:
			i.sum.Duplicates++
		case event.Conflict:
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
	var p *problem.Problem
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
		p.Because(fmt.Sprintf("%s before it were taken", count(i.sum.Read, "event"))).
			Do("mend the file and import it again: what is there already is skipped")
	}
	return p
}

func (i *importer) malformed(err error) error {
	n := i.sum.Read + int64(len(i.batch)) + 1
	return problem.New(problem.Invalid, "%s: event %d cannot be read", i.name, n).
		Because(err.Error(), fmt.Sprintf("%s before it were taken", count(n-1, "event"))).
		Do("mend the file and import it again: what is there already is skipped").Cause(err)
}
