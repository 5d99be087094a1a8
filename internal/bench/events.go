package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	eventsRatio = 0.5
	levelTarget = time.Second // from the last batch until sealer and projectors are level
	batchSize   = 500
	batchesEach = 40 // for each run of the bench
	posters     = 4  // connections at once
)

// measureEvents measures the intake of a ledger that holds a million events of a
// simulated year.
func measureEvents(ctx context.Context, l *lab, db database) (_ []line, err error) {
	y, err := l.openYear(ctx, db, yearLess)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, y.stop()) }()
	return measureIntake(ctx, l, y, true)
}

// measureIntake posts batches of events over HTTP into the ledger of a year, and
// inserts the same rows by prepared statements into a copy of it: into the
// ledger's own tables and, with more, into one table with a unique index and
// into one without.
func measureIntake(ctx context.Context, l *lab, y *year, more bool) (_ []line, err error) {
	names, err := y.serviceNames(ctx)
	if err != nil {
		return nil, err
	}
	plain, err := l.plainCopy(ctx, y, names, more)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plain.pool.Close()) }()
	comparisons := []comparison{{what: "prepared inserts into the same tables", do: plain.intoLedger}}
	if more {
		comparisons = append(comparisons, comparison{what: "one table with a unique index alone", do: plain.intoUnique},
			comparison{what: "one table without any index", do: plain.intoBare})
	}
	var ours []float64
	var behind []int64
	var after []time.Duration
	for range l.runs {
		posted, err := y.postBatches(ctx, names)
		if err != nil {
			return nil, err
		}
		lag, err := y.lag(ctx, y.db, y.address)
		if err != nil {
			return nil, err
		}
		began := time.Now()
		if err := y.settle(ctx, y.db, y.address); err != nil {
			return nil, err
		}
		ours, behind, after = append(ours, posted), append(behind, lag), append(after, time.Since(began))
		for i, c := range comparisons {
			perSecond, err := plain.insertBatches(ctx, c.do)
			if err != nil {
				return nil, err
			}
			comparisons[i].perSecond = append(c.perSecond, perSecond)
		}
	}
	ratio := medianRatio(ours, comparisons[0].perSecond)
	lines := []line{{
		what: "events in, batches of 500 over HTTP, beside " + y.what() + "; " + comparisons[0].what,
		ours: rate(medianOf(ours)), theirs: rate(medianOf(comparisons[0].perSecond)), ratio: times(ratio), target: "≥ 0.5×", met: ratio >= eventsRatio,
		note: fmt.Sprintf("random ids, durable, %d connections", posters),
	}}
	for _, c := range comparisons[1:] {
		lines = append(lines, line{what: "– " + c.what, ours: rate(medianOf(ours)), theirs: rate(medianOf(c.perSecond)), ratio: times(medianRatio(ours, c.perSecond)),
			note: "for comparison: a row an event; the ledger keeps its key and what of it can be erased in rows of their own"})
	}
	level := medianTime(after)
	return append(lines, line{
		what: "– sealer and projectors, level after the last batch", ours: millis(level), target: "≤ 1 s", met: level <= levelTarget,
		note: fmt.Sprintf("%d behind when it was in; after each %d events", median(behind, func(a, b int64) int64 { return (a + b) / 2 }), batchSize*batchesEach),
	}), nil
}

// comparison is a way to insert the events that are posted, and its rates.
type comparison struct {
	what      string
	do        func(context.Context, *sql.Tx, [][]any) error
	perSecond []float64
}

// plainCopy posts a batch to a year, so that its last events are as those that
// will be measured, and opens a copy of its database.
func (l *lab) plainCopy(ctx context.Context, y *year, names []string, more bool) (*plainEvents, error) {
	body, err := eventsBatch(batchSize, names, time.Now().UTC())
	if err != nil {
		return nil, err
	}
	if _, err := y.request(ctx, "POST", "/events", "application/cloudevents-batch+json", body); err != nil {
		return nil, err
	}
	if err := errors.Join(y.settle(ctx, y.db, y.address), y.stop()); err != nil {
		return nil, err
	}
	address, err := y.db.copy(ctx, l, y.address)
	if err != nil {
		return nil, err
	}
	p, err := l.serve(ctx, y.data, y.address)
	if err != nil {
		return nil, err
	}
	y.platform = p
	return openPlain(ctx, y.db, address, more)
}

// listed is what a bench looks at of a service.
type listed struct {
	Name  string `json:"name"`
	Owner string `json:"owner"`
}

// someServices are the first of the services that the platform knows, n at most.
func (p *platform) someServices(ctx context.Context, n int) ([]listed, error) {
	raw, err := p.request(ctx, http.MethodGet, fmt.Sprintf("/api/v1/services?limit=%d", n), "", nil)
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Metadata listed `json:"metadata"`
		} `json:"items"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	if len(list.Items) == 0 {
		return nil, errors.New("the platform knows no service")
	}
	services := make([]listed, len(list.Items))
	for i, item := range list.Items {
		services[i] = item.Metadata
	}
	return services, nil
}

// serviceNames are the names of some of the services that the platform knows.
func (p *platform) serviceNames(ctx context.Context) ([]string, error) {
	services, err := p.someServices(ctx, 100)
	names := make([]string, len(services))
	for i, s := range services {
		names[i] = s.Name
	}
	return names, err
}

// postBatches posts on several connections and gives events a second. Bodies
// are made before the clock starts.
func (p *platform) postBatches(ctx context.Context, names []string) (float64, error) {
	bodies := make(chan []byte, batchesEach)
	from := time.Now().UTC()
	for b := range batchesEach {
		body, err := eventsBatch(batchSize, names, from.Add(time.Duration(b*batchSize)*time.Millisecond))
		if err != nil {
			return 0, err
		}
		bodies <- body
	}
	close(bodies)
	failures := make(chan error, posters)
	began := time.Now()
	var all sync.WaitGroup
	for range posters {
		all.Go(func() {
			for body := range bodies {
				if _, err := p.request(ctx, "POST", "/events", "application/cloudevents-batch+json", body); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	close(failures)
	for err := range failures {
		return 0, err
	}
	return batchSize * batchesEach / took.Seconds(), nil
}

// lag is how many events the slowest of sealer and projectors is behind.
func (p *platform) lag(ctx context.Context, db database, address string) (lag int64, err error) {
	pool, err := db.open(address, false)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	err = pool.QueryRowContext(ctx, `SELECT h.seq - (SELECT min(w) FROM (
		SELECT watermark AS w FROM projections UNION ALL SELECT coalesce(max(size), 0) FROM checkpoints) AS marks) FROM ledger_head h`).Scan(&lag)
	return lag, err
}

// stuckAfter is how long sealer and projectors may stand still.
const stuckAfter = 2 * time.Minute

// settle waits until all that was appended is sealed and projected, as long as
// it goes on.
func (p *platform) settle(ctx context.Context, db database, address string) error {
	var least int64
	for moved := time.Now(); ; {
		lag, err := p.lag(ctx, db, address)
		switch {
		case err != nil:
			return err
		case lag == 0:
			return nil
		case least == 0 || lag < least:
			least, moved = lag, time.Now()
		case time.Since(moved) > stuckAfter:
			return fmt.Errorf("sealer and projectors stay %d events behind: %s", lag, p.log)
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}
