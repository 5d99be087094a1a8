package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// collector takes batches as the platform does: whole or not at all.
type collector struct {
	batches [][]json.RawMessage
	refuse  int // the event, counted from 1 over all, that is refused
	taken   int
}

func (c *collector) post(_ context.Context, contentType string, body io.Reader) ([]Outcome, error) {
	if contentType != mediaBatch {
		return nil, fmt.Errorf("posted as %s", contentType)
	}
	var batch []json.RawMessage
	if err := json.NewDecoder(body).Decode(&batch); err != nil {
		return nil, err
	}
	if c.refuse > c.taken && c.refuse <= c.taken+len(batch) {
		return nil, &Problem{Kind: Invalid, Title: "event is invalid", Fields: []Field{
			{Source: fmt.Sprintf("event %d", c.refuse-c.taken), Path: "type", Message: "is missing"},
		}}
	}
	c.batches, c.taken = append(c.batches, batch), c.taken+len(batch)
	outcomes := make([]Outcome, len(batch))
	for i := range outcomes {
		outcomes[i].Status = PostAccepted
	}
	return outcomes, nil
}

func importing(c *collector, text string) (Imported, error) {
	i := &importer{post: c.post, in: strings.NewReader(text), name: "in.jsonl", told: func(int64, int64) {}}
	return i.run(context.Background())
}

func TestImportForms(t *testing.T) {
	for name, text := range map[string]string{
		"lines":            "{\"id\":1}\n{\"id\":2}\n\n{\"id\":3}\n",
		"one after other":  "{\"id\":1}{\"id\":2} {\"id\":3}",
		"array":            " \n[{\"id\":1},\n{\"id\":2}, {\"id\":3}]\n",
		"spread over many": "{\n\"id\":1}\n{\"id\"\n:2}\n{\"id\":3\n}",
	} {
		c := &collector{}
		sum, err := importing(c, text)
		if err != nil || sum.Read != 3 || sum.Accepted != 3 {
			t.Errorf("%s: %+v, %v", name, sum, err)
		}
	}
	for _, empty := range []string{"", " \n ", "[]"} {
		if sum, err := importing(&collector{}, empty); err != nil || sum.Read != 0 {
			t.Errorf("%q: %+v, %v", empty, sum, err)
		}
	}
}

func TestImportBatches(t *testing.T) {
	var text strings.Builder
	for i := range 2*batchEvents + 1 {
		fmt.Fprintf(&text, "{\"id\":\n\"%d\"}\n", i)
	}
	c := &collector{}
	if sum, err := importing(c, text.String()); err != nil || sum.Accepted != 2*batchEvents+1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if len(c.batches) != 3 || len(c.batches[0]) != batchEvents || len(c.batches[2]) != 1 {
		t.Errorf("%d batches", len(c.batches))
	}
	// The event that is wrong is named by its place in the file, and all before it are taken.
	for _, wrong := range []int{1, 2, batchEvents, batchEvents + 1, batchEvents + 3} {
		c := &collector{refuse: wrong}
		sum, err := importing(c, text.String())
		var p *Problem
		if !errors.As(err, &p) || len(p.Fields) != 1 || p.Title != fmt.Sprintf("in.jsonl: event %d is not taken", wrong) ||
			p.Fields[0] != (Field{Path: "type", Line: 2*wrong - 1, Source: "in.jsonl", Message: "is missing"}) {
			t.Errorf("%d: told %v", wrong, err)
		}
		if int(sum.Read) != wrong-1 || c.taken != wrong-1 {
			t.Errorf("%d: %d read, %d taken before the wrong one", wrong, sum.Read, c.taken)
		}
	}
}

func TestImportMalformed(t *testing.T) {
	for text, line := range map[string]int{"{\"id\":1}\n{\"id\":": 2, "[{\"id\":1},": 1, "\n\n[{\"id\":1},\n\nx": 5, "{\"id\":1}\n\n nonsense": 3, "{\"id\":1}]": 1} {
		c := &collector{}
		_, err := importing(c, text)
		var p *Problem
		if !errors.As(err, &p) || p.Kind != Invalid || p.Title != "in.jsonl: event 2 cannot be read" || p.Fields[0].Line != line {
			t.Errorf("%q: %+v, want line %d", text, err, line)
		}
		if c.taken != 1 {
			t.Errorf("%q: %d taken before the damage", text, c.taken)
		}
	}
}

func FuzzImport(f *testing.F) {
	for _, seed := range []string{"{}", "[{}]", "[", "{\"a\":1}\n{", "[[],1,null]", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := &collector{}
		sum, err := importing(c, text)
		if err == nil && int(sum.Read) != c.taken {
			t.Errorf("read %d, posted %d", sum.Read, c.taken)
		}
	})
}
