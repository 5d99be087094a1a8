package simulate

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Bounds of posting.
const (
	batchEvents = 1000
	batchBytes  = 4 << 20
	connections = 3
	attempts    = 6 // of one batch, while the platform is too busy
)

// poster posts events in batches over several connections.
type poster struct {
	batches chan []byte
	workers sync.WaitGroup
	batch   []byte
	n       int
	done    <-chan struct{}

	mu  sync.Mutex
	sum posted
	err error
}

type posted struct{ events, accepted, duplicates int64 }

func newPoster(ctx context.Context, c *client.Client, cancel context.CancelCauseFunc) *poster {
	p := &poster{batches: make(chan []byte), done: ctx.Done()}
	for range connections {
		p.workers.Go(func() {
			for batch := range p.batches {
				if err := p.post(ctx, c, batch); err != nil {
					p.mu.Lock()
					if p.err == nil {
						p.err = err
					}
					p.mu.Unlock()
					cancel(err) // the generator stops too
				}
			}
		})
	}
	return p
}

// add takes one event; the batch it belongs to is posted once it is full.
func (p *poster) add(event []byte) error {
	if p.n == batchEvents || len(p.batch)+len(event) > batchBytes {
		if err := p.send(); err != nil {
			return err
		}
	}
	separator := byte(',')
	if p.n == 0 {
		separator = '['
	}
	p.batch = append(append(p.batch, separator), event...)
	p.n++
	return nil
}

func (p *poster) send() error {
	if p.n == 0 {
		return nil
	}
	batch := append(p.batch, ']')
	p.batch, p.n = make([]byte, 0, len(batch)+len(batch)/8), 0
	select {
	case p.batches <- batch:
		return nil
	case <-p.done:
		return context.Canceled
	}
}

// wait posts what is left and gives the sums, or what went wrong.
func (p *poster) wait() (posted, error) {
	err := p.send()
	close(p.batches)
	p.workers.Wait()
	if p.err != nil {
		err = p.err
	}
	return p.sum, err
}

// post posts one batch, again if the platform is only busy. The same events
// again are no change, so that an answer that was lost does no harm.
func (p *poster) post(ctx context.Context, c *client.Client, batch []byte) error {
	pause := 200 * time.Millisecond
	for try := 1; ; try++ {
		outcomes, err := c.Post(ctx, "application/cloudevents-batch+json", bytes.NewReader(batch))
		if err == nil {
			return p.posted(outcomes)
		}
		busy := problem.Is(err, problem.Unavailable) || problem.Is(err, problem.TooMany)
		if ctx.Err() != nil || !busy || try == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause *= 2
		}
	}
}

func (p *poster) posted(outcomes []client.Outcome) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range outcomes {
		p.sum.events++
		switch o.Status {
		case client.PostAccepted:
			p.sum.accepted++
		case client.PostDuplicate:
			p.sum.duplicates++
		default:
			return errors.New("the platform holds other events under the ids of this organisation")
		}
	}
	return nil
}
