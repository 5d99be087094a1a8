package reconcile

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// A job whose end could not be recorded, because the disk was full or the
// database away for longer than the queue is patient, stays "running" although
// nobody works it. reclaimer makes such jobs available again; workers are
// idempotent, so one whose work was in fact done finds it done.
type reclaimer struct {
	db *sql.DB
	// running selects id and attempt of the jobs that the queue thinks this
	// process is working, for its ID as $1.
	running string
	args    []any
	every   time.Duration
	log     *slog.Logger

	mu      sync.Mutex
	working map[int64]struct{}
}

// attempt is one try at a job.
type attempt struct {
	id  int64
	try int
}

// reclaimEvery is longer than the queue tries to record an end, about 40 s.
const reclaimEvery = 45 * time.Second

// enter notes that a job is being worked and returns how to leave.
func (r *reclaimer) enter(id int64) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.working[id] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.working, id)
	}
}

// run looks until ctx ends. A job is abandoned when two looks in a row find the
// same attempt running and nobody at work on it.
func (r *reclaimer) run(ctx context.Context) {
	tick := time.NewTicker(r.every)
	defer tick.Stop()
	suspects := map[attempt]struct{}{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		idle, err := r.idle(ctx)
		if err != nil {
			if ctx.Err() == nil {
				r.log.Warn("abandoned jobs not looked for", "error", err)
			}
			continue
		}
		for a := range idle {
			if _, again := suspects[a]; !again {
				continue
			}
			delete(idle, a)
			if err := r.release(ctx, a); err != nil {
				r.log.Warn("abandoned job not taken back", "job", a.id, "error", err)
				continue
			}
			r.log.Warn("a job's end was not recorded: it is worked again", "job", a.id, "attempt", a.try)
		}
		suspects = idle
	}
}

// idle lists the attempts that should be running and are not worked.
func (r *reclaimer) idle(ctx context.Context) (map[attempt]struct{}, error) {
	rows, err := r.db.QueryContext(ctx, r.running, r.args...)
	if err != nil {
		return nil, fmt.Errorf("list running jobs: %w", err)
	}
	defer rows.Close()
	found := map[attempt]struct{}{}
	for rows.Next() {
		var a attempt
		if err := rows.Scan(&a.id, &a.try); err != nil {
			return nil, fmt.Errorf("list running jobs: %w", err)
		}
		found[a] = struct{}{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for a := range found {
		if _, worked := r.working[a.id]; worked {
			delete(found, a)
		}
	}
	return found, rows.Err()
}

func (r *reclaimer) release(ctx context.Context, a attempt) error {
	_, err := r.db.ExecContext(ctx, "UPDATE river_job SET state = 'available' WHERE id = $1 AND attempt = $2 AND state = 'running'", a.id, a.try)
	return err
}
