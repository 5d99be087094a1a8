package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	eventsRatio = 0.5
	batchSize   = 500
	batchesEach = 20 // for each run of the bench
	posters     = 4  // connections at once
)

// measureEvents posts batches of events over HTTP into a ledger that holds a
// million already, and inserts the same rows by prepared statements: into the
// ledger's own tables, into one table with a unique index, into one without.
func measureEvents(ctx context.Context, l *lab, db database) (_ []line, err error) {
	data, address, err := l.seed(ctx, db, false)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := l.preloadEvents(ctx, db, data, address); err != nil {
		return nil, err
	}
	fmt.Fprintf(l.progress, "  %d events loaded in %s\n", l.preload, time.Since(began).Round(time.Second))
	other, err := db.copy(ctx, l, address)
	if err != nil {
		return nil, err
	}
	plain, err := openPlain(ctx, db, other, l.preload)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plain.pool.Close()) }()
	p, err := l.serve(ctx, data, address)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	began = time.Now()
	if err := p.settle(ctx, db, address); err != nil {
		return nil, err
	}
	caught := time.Since(began)
	fmt.Fprintf(l.progress, "  sealed and projected in %s\n", caught.Round(time.Second))

	var ours, same, unique, bare []float64
	var behind []int64
	var after []time.Duration
	for range l.runs {
		posted, err := p.postBatches(ctx)
		if err != nil {
			return nil, err
		}
		lag, err := p.lag(ctx, db, address)
		if err != nil {
			return nil, err
		}
		began := time.Now()
		if err := p.settle(ctx, db, address); err != nil {
			return nil, err
		}
		behind, after = append(behind, lag), append(after, time.Since(began))
		ours = append(ours, posted)
		for _, c := range []struct {
			into *[]float64
			do   func(context.Context, *sql.Tx, [][]any) error
		}{{&same, plain.intoLedger}, {&unique, plain.intoUnique}, {&bare, plain.intoBare}} {
			perSecond, err := plain.insertBatches(ctx, c.do)
			if err != nil {
				return nil, err
			}
			*c.into = append(*c.into, perSecond)
		}
	}
	ratio := medianRatio(ours, same)
	n := batchSize * batchesEach
	where := " (" + db.name() + ")"
	return []line{
		{
			what: "events in, batches of 500 over HTTP; prepared inserts into the same tables" + where,
			ours: rate(medianOf(ours)), theirs: rate(medianOf(same)), ratio: times(ratio), target: "≥ 0.5×", met: ratio >= eventsRatio,
			note: fmt.Sprintf("random ids, %d events before, durable, %d connections", l.preload, posters),
		},
		{
			what: "– one table with a unique index alone" + where, ours: rate(medianOf(ours)), theirs: rate(medianOf(unique)),
			ratio: times(medianRatio(ours, unique)),
		},
		{
			what: "– one table without any index" + where, ours: rate(medianOf(ours)), theirs: rate(medianOf(bare)),
			ratio: times(medianRatio(ours, bare)),
		},
		{
			what: "– sealer and projectors" + where,
			ours: fmt.Sprintf("%d behind, level %s later", median(behind, func(a, b int64) int64 { return (a + b) / 2 }), millis(medianTime(after))),
			note: fmt.Sprintf("after each %d events; the %d before took them %.1f s (%s)", n, l.preload, caught.Seconds(), rate(float64(l.preload)/caught.Seconds())),
		},
	}, nil
}

// postBatches posts on several connections and gives events a second. Bodies
// are made before the clock starts.
func (p *platform) postBatches(ctx context.Context) (float64, error) {
	bodies := make(chan []byte, batchesEach)
	for range batchesEach {
		body, err := eventsBatch(batchSize)
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

// settle waits until all that was appended is sealed and projected.
func (p *platform) settle(ctx context.Context, db database, address string) error {
	for began := time.Now(); ; {
		lag, err := p.lag(ctx, db, address)
		if err != nil {
			return err
		}
		if lag == 0 {
			return nil
		}
		if time.Since(began) > 5*time.Minute {
			return fmt.Errorf("sealer and projectors are %d events behind after %s: %s", lag, time.Since(began), p.log)
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}
