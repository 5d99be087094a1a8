package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// ledger takes batches as the platform does: whole or not at all.
type ledger struct {
	known   map[string]string // source and id, to data
	refuse  map[string]bool   // ids that are invalid
	forbid  string            // an id that forbids its batch
	away    int               // so many times it does not answer
	lost    int               // so many times its answer gets lost
	posts   int
	largest int
}

func (l *ledger) post(_ context.Context, _ string, body io.Reader) ([]Outcome, error) {
	l.posts++
	if l.away > 0 {
		l.away--
		return nil, &Problem{Kind: Unavailable, Title: "no platform answers"}
	}
	var batch []struct {
		ID, Source string
		Data       json.RawMessage
	}
	if err := json.NewDecoder(body).Decode(&batch); err != nil {
		return nil, err
	}
	l.largest = max(l.largest, len(batch))
	for i, e := range batch {
		kind := ProblemKind("")
		if l.refuse[e.ID] {
			kind = Invalid
		} else if e.ID == l.forbid {
			kind = Forbidden
		}
		if kind != "" {
			where := fmt.Sprintf("event %d", i+1)
			if len(batch) == 1 {
				where = ""
			}
			return nil, &Problem{Kind: kind, Title: "event cannot be taken", Fields: []Field{{Source: where, Path: "time", Message: "lies in the future"}}}
		}
	}
	outcomes := make([]Outcome, len(batch))
	for i, e := range batch {
		data, there := l.known[e.Source+e.ID]
		switch {
		case !there:
			outcomes[i].Status, l.known[e.Source+e.ID] = PostAccepted, string(e.Data)
		case data == string(e.Data):
			outcomes[i].Status = PostDuplicate
		default:
			outcomes[i].Status = PostConflict
		}
	}
	if l.lost > 0 {
		l.lost--
		return nil, &Problem{Kind: Unavailable, Title: "the connection broke off"}
	}
	return outcomes, nil
}

func (l *ledger) posting(told *[]NotTaken) *Posting {
	if l.known == nil {
		l.known = map[string]string{}
	}
	return &Posting{post: l.post, pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, notTaken: func(n NotTaken) { *told = append(*told, n) }}
}

func events(from, to int, data string) [][]byte {
	var all [][]byte
	for i := from; i < to; i++ {
		all = append(all, fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"git:1","type":"dev.cdevents.change.merged.0.3.0","data":%s}`, i, data))
	}
	return all
}

func TestPosting(t *testing.T) {
	for name, c := range map[string]struct {
		ledger ledger
		events [][]byte
		want   Posted
		told   string
		kind   ProblemKind
	}{
		"batches":     {events: events(0, 2*batchEvents+1, "{}"), want: Posted{Accepted: 2*batchEvents + 1}},
		"twice":       {events: append(events(0, 3, "{}"), events(0, 3, "{}")...), want: Posted{Accepted: 3, Duplicates: 3}},
		"conflict":    {events: append(events(0, 3, "{}"), events(2, 3, `{"a":1}`)...), want: Posted{Accepted: 3, Conflicts: 1}, told: "2 conflict"},
		"away":        {ledger: ledger{away: 3}, events: events(0, 3, "{}"), want: Posted{Accepted: 3}},
		"lost answer": {ledger: ledger{lost: 1}, events: events(0, 3, "{}"), want: Posted{Duplicates: 3}},
		"gone":        {ledger: ledger{away: 99}, events: events(0, 3, "{}"), kind: Unavailable},
		"some refused": {
			ledger: ledger{refuse: map[string]bool{"0": true, "7": true, "9": true}}, events: events(0, 10, "{}"), want: Posted{Accepted: 7, Refused: 3}, told: "0 ,7 ,9 ",
		},
		"all refused": {ledger: ledger{refuse: map[string]bool{"0": true, "1": true}}, events: events(0, 2, "{}"), want: Posted{Refused: 2}, told: "0 ,1 "},
		"forbidden":   {ledger: ledger{forbid: "4"}, events: events(0, 10, "{}"), kind: Forbidden},
		"large": {
			events: events(0, 40, `{"a":"`+strings.Repeat("x", 1<<19)+`"}`), want: Posted{Accepted: 40},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var told []NotTaken
			p := c.ledger.posting(&told)
			ctx, taken := context.Background(), false
			var err error
			for _, e := range c.events {
				if err == nil {
					err = p.Add(ctx, e)
				}
			}
			p.After(func() { taken = true })
			if taken {
				t.Error("what was not posted counts as taken")
			}
			if err == nil {
				err = p.Flush(ctx)
			}
			var words []string
			for _, n := range told {
				words = append(words, n.ID+" "+string(n.Status))
			}
			if c.kind != "" {
				if !Is(err, c.kind) || taken {
					t.Errorf("%v; taken %v", err, taken)
				}
			} else if err != nil || p.Sum() != c.want || !taken || strings.Join(words, ",") != c.told {
				t.Errorf("%+v, %v; taken %v, told %q", p.Sum(), err, taken, words)
			}
			if name == "forbidden" && !strings.Contains(err.Error(), "4 of git:1") {
				t.Errorf("the event is not named: %v", err)
			}
			if c.ledger.largest > batchEvents {
				t.Errorf("a batch of %d", c.ledger.largest)
			}
		})
	}
	// Who interrupts waits no longer.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l := ledger{away: 99}
	p := l.posting(&[]NotTaken{})
	err := p.Add(ctx, events(0, 1, "{}")[0])
	if err = errors.Join(err, p.Flush(ctx)); err == nil || l.posts != 1 {
		t.Errorf("%d posts, %v", l.posts, err)
	}
}
