// Package reconcile runs durable jobs: a worker reads an object, makes the
// world match, writes status and tells what happened.
//
// A job is inserted in the transaction of the change that calls for it and is
// worked at least once, also after a SIGKILL at any point: workers are
// idempotent and keep their own checkpoints in the status that they write.
// The queue is River, on SQLite and on PostgreSQL.
package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/stoa-platform/stoa/internal/store"
)

// Job is one piece of work as its worker gets it.
type Job struct {
	ID      int64
	Attempt int // 1 at the first try
	Args    json.RawMessage
}

// Decode reads the job's arguments into v.
func (j Job) Decode(v any) error {
	if err := json.Unmarshal(j.Args, v); err != nil {
		return fmt.Errorf("decode arguments of job %d: %w", j.ID, err)
	}
	return nil
}

// Outcome is how an attempt ended, when it did not fail by an error of Stoa or
// the world that a retry may mend.
type Outcome struct {
	wait    time.Duration
	stalled error
}

// Done ends the job.
func Done() Outcome { return Outcome{} }

// Wait works the job again after d; it does not count as a failed attempt.
func Wait(d time.Duration) Outcome { return Outcome{wait: max(d, time.Millisecond)} }

// Stalled ends the job because only a person can mend what is wrong. The
// worker has already told them in the object's status.
func Stalled(because error) Outcome { return Outcome{stalled: because} }

// Worker works the jobs of one name.
type Worker struct {
	// Name is what store.Job.Kind says, such as "release".
	Name string
	// Work does the work. An error means "try again", with exponential backoff
	// up to 25 times over about three weeks.
	Work func(ctx context.Context, job Job) (Outcome, error)
}

// arguments is the one River kind; the worker is found by name, so that adding
// one is a line in the composition root.
type arguments struct {
	Worker string          `json:"worker"`
	Args   json.RawMessage `json:"args"`
}

// Kind names the River kind.
func (arguments) Kind() string { return "stoa" }

// longQueue holds the long jobs; all others are in River's default queue.
const longQueue = "long"

type dispatcher struct {
	river.WorkerDefaults[arguments]
	workers map[string]Worker
	reclaim *reclaimer
	log     *slog.Logger
}

// Timeout is none: a worker bounds each of its steps itself, a build may be long.
func (d *dispatcher) Timeout(*river.Job[arguments]) time.Duration { return -1 }

func (d *dispatcher) Work(ctx context.Context, job *river.Job[arguments]) error {
	defer d.reclaim.enter(job.ID)()
	log := d.log.With("worker", job.Args.Worker, "job", job.ID, "attempt", job.Attempt)
	worker, ok := d.workers[job.Args.Worker]
	if !ok {
		log.Error("no such worker, will be retried: the job was inserted by another version of Stoa")
		return fmt.Errorf("no worker named %q", job.Args.Worker) // while replicas are upgraded one after the other, one may know it
	}
	outcome, err := worker.Work(ctx, Job{ID: job.ID, Attempt: job.Attempt, Args: job.Args.Args})
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return river.JobSnooze(0) // shutting down: the next start works it again, at once
	case err != nil:
		log.Warn("job failed, will be retried", "error", err)
		return err
	case outcome.stalled != nil:
		log.Info("job stalled", "because", outcome.stalled)
		return river.JobCancel(outcome.stalled)
	case outcome.wait > 0:
		return river.JobSnooze(outcome.wait)
	}
	return nil
}

func encode(jobs []store.Job) ([]river.InsertManyParams, error) {
	params := make([]river.InsertManyParams, len(jobs))
	for i, job := range jobs {
		args, err := json.Marshal(job.Args)
		if err != nil {
			return nil, fmt.Errorf("encode arguments of job %q: %w", job.Kind, err)
		}
		params[i] = river.InsertManyParams{Args: arguments{Worker: job.Kind, Args: args}}
		if job.Long {
			params[i].InsertOpts = &river.InsertOpts{Queue: longQueue}
		}
	}
	return params, nil
}
