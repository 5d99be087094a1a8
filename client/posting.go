package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Posted is what became of posted events.
type Posted struct {
	Accepted   int64 `json:"accepted"`
	Duplicates int64 `json:"duplicates"` // they were there already
	Conflicts  int64 `json:"conflicts"`  // other content under a known id; recorded as such
	Refused    int64 `json:"refused"`    // what the platform would not take
}

// NotTaken is an event that the platform has not taken as it is.
type NotTaken struct {
	ID     string     `json:"id"`
	Source string     `json:"source"`
	Type   string     `json:"type"`
	Status PostStatus `json:"status"` // PostConflict; empty for a refusal
	Why    string     `json:"why"`
}

// Posting gathers events into batches and posts them. While the platform does
// not answer it waits and tries again: an event that comes twice is no change.
// An event that is refused by itself is left out and told; the others go in.
type Posting struct {
	post     func(ctx context.Context, contentType string, body io.Reader) ([]Outcome, error)
	pause    func(context.Context, time.Duration) error
	notTaken func(NotTaken)

	sum   Posted
	batch []posted
	bytes int
	after []func()
}

// posted is an event on its way: what names it, and all of it.
type posted struct {
	ID     string `json:"id"`
	Source string `json:"source"`
	Type   string `json:"type"`

	raw []byte
}

// NewPosting starts a posting, which takes sources over as TakeOver does: those of a
// history are not for its reader to choose. notTaken hears of each event that was not
// taken.
func (c *Client) NewPosting(notTaken func(NotTaken)) *Posting {
	return &Posting{post: c.TakeOver, pause: wait, notTaken: notTaken}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Sum tells what became of the events that were posted so far.
func (p *Posting) Sum() Posted { return p.sum }

// Add takes one CloudEvent in JSON. It returns the error that keeps a batch
// from being posted.
func (p *Posting) Add(ctx context.Context, raw []byte) error {
	e := posted{raw: raw}
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("read event: %w", err)
	}
	if len(p.batch) == batchEvents || (len(p.batch) > 0 && p.bytes+len(raw) > batchBytes) {
		if err := p.Flush(ctx); err != nil {
			return err
		}
	}
	p.batch, p.bytes = append(p.batch, e), p.bytes+len(raw)
	return nil
}

// After calls done once all events that were added before are posted.
func (p *Posting) After(done func()) {
	if len(p.batch) == 0 {
		done()
		return
	}
	p.after = append(p.after, done)
}

// Flush posts what was gathered.
func (p *Posting) Flush(ctx context.Context) error {
	for len(p.batch) > 0 {
		outcomes, err := p.try(ctx)
		if err == nil {
			p.count(outcomes)
			break
		}
		bad, ok := refusedAlone(err, len(p.batch))
		if !ok {
			return p.located(err)
		}
		p.sum.Refused++
		p.tell(p.batch[bad], "", err.Error())
		p.batch = append(p.batch[:bad], p.batch[bad+1:]...)
	}
	p.batch, p.bytes = nil, 0
	done := p.after
	p.after = nil
	for _, f := range done {
		f()
	}
	return nil
}

// maxTries is how often a batch is posted to a platform that does not answer.
const maxTries = 6

// try posts the batch, with longer and longer pauses while the platform is away.
func (p *Posting) try(ctx context.Context) ([]Outcome, error) {
	for n := 1; ; n++ {
		parts := make([][]byte, len(p.batch))
		for i := range p.batch {
			parts[i] = p.batch[i].raw
		}
		outcomes, err := p.post(ctx, mediaBatch, arrayOf(parts))
		if err == nil && len(outcomes) != len(p.batch) {
			return nil, fmt.Errorf("%d events were posted, the platform answers for %d", len(p.batch), len(outcomes))
		}
		var told *Problem
		if err == nil || n == maxTries || ctx.Err() != nil ||
			(errors.As(err, &told) && told.Kind != Unavailable && told.Kind != TooMany) {
			return outcomes, err
		}
		pause := time.Second << (n - 1)
		if told != nil && told.RetryAfter > 0 {
			pause = time.Duration(told.RetryAfter) * time.Second
		}
		if err := p.pause(ctx, min(pause, time.Minute)); err != nil {
			return nil, err
		}
	}
}

// arrayOf is the body of a batch of events.
func arrayOf(events [][]byte) io.Reader {
	body := append([]byte{'['}, bytes.Join(events, []byte(","))...)
	return bytes.NewReader(append(body, ']'))
}

func (p *Posting) count(outcomes []Outcome) {
	for i, o := range outcomes {
		switch o.Status {
		case PostAccepted:
			p.sum.Accepted++
		case PostDuplicate:
			p.sum.Duplicates++
		case PostConflict:
			p.sum.Conflicts++
			p.tell(p.batch[i], o.Status, fmt.Sprintf("the ledger holds other content under this id; the difference is recorded as event %d", o.Seq))
		}
	}
}

func (p *Posting) tell(what posted, status PostStatus, why string) {
	if p.notTaken != nil {
		p.notTaken(NotTaken{what.ID, what.Source, what.Type, status, why})
	}
}

// refusedAlone finds the one event of a batch that a refusal is about, if
// others could be taken without it.
func refusedAlone(err error, n int) (index int, ok bool) {
	var p *Problem
	if !errors.As(err, &p) || (p.Kind != Invalid && p.Kind != TooLarge) {
		return 0, false
	}
	for _, f := range p.Fields {
		if index, ok := f.eventOf(n); ok {
			return index, true
		}
	}
	return 0, n == 1
}

// eventOf gives the place in a batch of n, from 0, of the event that a field is
// of: the platform counts them from 1.
func (f Field) eventOf(n int) (index int, ok bool) {
	if _, err := fmt.Sscanf(f.Source, "event %d", &index); err != nil || index < 1 || index > n {
		return 0, n == 1
	}
	return index - 1, true
}

// located names the event that a refusal of the whole batch is about.
func (p *Posting) located(err error) error {
	var told *Problem
	if !errors.As(err, &told) {
		return err
	}
	for i := range told.Fields {
		index, ok := told.Fields[i].eventOf(len(p.batch))
		if !ok {
			continue
		}
		e := p.batch[index]
		told.Fields[i].Source = fmt.Sprintf("%s of %s", e.ID, e.Source)
	}
	return told
}
