package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/reconcile"
	"github.com/stoa-platform/stoa/internal/store"
)

const (
	jobTarget = 5 * time.Millisecond
	jobsEach  = 40 // for each run of the bench
)

// measureJobs inserts jobs one at a time, each in a transaction of its own, and
// measures from before the insert to the first line of the worker.
func measureJobs(ctx context.Context, l *lab, db database) (_ []line, err error) {
	address, err := db.create(ctx, l)
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	s, err := store.Open(ctx, address, store.Options{Logger: quiet})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	started := make(chan time.Time, 1)
	engine, err := reconcile.New(ctx, s, reconcile.Options{ID: "bench", URL: address, Logger: quiet, Workers: []reconcile.Worker{{
		Name: "bench",
		Work: func(context.Context, reconcile.Job) (reconcile.Outcome, error) {
			started <- time.Now()
			return reconcile.Done(), nil
		},
	}}})
	if err != nil {
		return nil, err
	}
	if err := engine.Start(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, engine.Stop(context.WithoutCancel(ctx))) }()
	var fromInsert, fromCommit []time.Duration
	for n := range jobsEach * l.runs {
		began := time.Now()
		err := s.Write(ctx, "stoa/bench", func(ctx context.Context, tx *store.Tx) error {
			return tx.Enqueue(ctx, store.Job{Kind: "bench", Args: n})
		})
		if err != nil {
			return nil, err
		}
		committed := time.Now()
		select {
		case at := <-started:
			fromInsert, fromCommit = append(fromInsert, at.Sub(began)), append(fromCommit, max(0, at.Sub(committed)))
		case <-time.After(startLimit):
			return nil, fmt.Errorf("job %d was not started in %s", n, startLimit)
		}
		// Jobs come at any time, not as the one before ends.
		if err := sleep(ctx, time.Duration(5+n%13)*time.Millisecond); err != nil {
			return nil, err
		}
	}
	slices.Sort(fromInsert)
	return []line{{
		what: "insert of a job to its start (" + db.name() + ")", ours: millis(medianTime(fromInsert)), target: "≤ 5 ms", met: medianTime(fromInsert) <= jobTarget,
		note: fmt.Sprintf("its own transaction included, from the commit %s; 95 of 100 below %s; %d jobs",
			millis(medianTime(fromCommit)), millis(fromInsert[len(fromInsert)*95/100]), len(fromInsert)),
	}}, nil
}
