package event

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/stoa-platform/stoa/internal/event/retry"
	"github.com/stoa-platform/stoa/internal/problem"
)

// RunnerOptions tune a Runner. The zero value works.
type RunnerOptions struct {
	Logger *slog.Logger
	Clock  func() time.Time
	// Batch is the most events of one transaction. Default 40,000: a summary's rows
	// then are written once for many events when it is rebuilt.
	Batch int
	// Every is the longest time until events that came are projected, and after which
	// a projection that stands still is tried again. Default 1 s; the latter grows up
	// to 5 minutes.
	Every time.Duration
	// Look is the longest time until events of other replicas are looked for. Default
	// Every; more where there are no other replicas.
	Look time.Duration
	// Rest is the shortest time from one look for events to the next, and while more
	// come within it they are waited for, until Every is over: events that come
	// together are projected together, and leave the database to those who bring
	// them. Default 200 ms. Who worked longer rests as long as it worked, but not
	// longer than Every.
	Rest time.Duration
}

// Runner keeps projections up to date, each on its own: one that fails stops
// itself and no other. Any number of runners may work on one ledger.
type Runner struct {
	store      ProjectionStore
	projectors []Projector
	logger     *slog.Logger
	clock      func() time.Time
	batch      int
	every      time.Duration
	look       time.Duration
	rest       time.Duration
	shared     *sharedRead
}

// NewRunner makes a runner of projectors with different names.
func NewRunner(store ProjectionStore, projectors []Projector, o RunnerOptions) *Runner {
	every := cmp.Or(o.Every, time.Second)
	r := &Runner{
		store: store, projectors: projectors, logger: cmp.Or(o.Logger, slog.New(slog.DiscardHandler)), clock: o.Clock, shared: newSharedRead(),
		batch: cmp.Or(o.Batch, 40_000), every: every, look: cmp.Or(o.Look, every), rest: cmp.Or(o.Rest, 200*time.Millisecond),
	}
	if r.clock == nil {
		r.clock = time.Now
	}
	return r
}

// longestWait bounds the time after which a failed projection is tried again.
const longestWait = 5 * time.Minute

// Run keeps all projections up to date until ctx ends.
func (r *Runner) Run(ctx context.Context) {
	r.shared.join(r.projectors)
	var all sync.WaitGroup
	for _, p := range r.projectors {
		all.Go(func() { r.keep(ctx, p) })
	}
	all.Wait()
}

// keep runs one projector.
func (r *Runner) keep(ctx context.Context, p Projector) {
	pace := retry.Pace{
		Logger: r.logger.With("projection", p.Name()), Failed: "a projection stands still", Again: "a projection goes on",
		First: 2 * r.every, Longest: longestWait,
	}
	state, err := Projection{}, error(nil)
	for ctx.Err() == nil {
		appended, began := r.store.Appended(), time.Now()
		state, err = r.catchUp(ctx, p, state)
		worked := time.Since(began)
		rested := time.After(max(r.rest-worked, min(worked, r.every)))
		if ctx.Err() != nil {
			return
		}
		look := r.look
		if wait := pace.Next(ctx, err); err != nil {
			look, appended = wait, nil
		}
		timer := time.NewTimer(look)
		select {
		case <-ctx.Done():
		case <-appended:
		case <-timer.C:
		}
		timer.Stop()
		select {
		case <-rested: // what came is alone
			continue
		default:
		}
		select {
		case <-ctx.Done():
		case <-rested:
			r.untilQuiet(ctx, began.Add(r.every))
		}
	}
}

// untilQuiet waits until nothing was appended for Rest, but no longer than a time.
func (r *Runner) untilQuiet(ctx context.Context, latest time.Time) {
	for left := time.Until(latest); left > 0; left = time.Until(latest) {
		appended := r.store.Appended()
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(r.rest, left)):
		}
		select {
		case <-appended:
		default:
			return
		}
	}
}

// CatchUp brings every projection to the ledger's present end and joins their errors.
func (r *Runner) CatchUp(ctx context.Context) error {
	r.shared.join(r.projectors)
	errs := make([]error, len(r.projectors))
	var all sync.WaitGroup
	for i, p := range r.projectors {
		all.Go(func() { _, errs[i] = r.catchUp(ctx, p, Projection{}) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// errElsewhere says that another runner has moved the watermark, or runs a newer version.
var errElsewhere = errors.New("projected elsewhere")

// catchUp projects all there is after a state and gives the state that it reached,
// the zero one where it is not known. Only the zero state is asked for, which takes
// the database's lock: too much for every look that finds nothing.
func (r *Runner) catchUp(ctx context.Context, p Projector, state Projection) (_ Projection, err error) {
	defer r.shared.leave(p.Name())
	if state.Name == "" {
		state, err = r.start(ctx, p)
	}
	limit := r.batch
	for err == nil {
		var records []Record
		if limit == r.batch {
			records, err = r.shared.read(ctx, r.store, p.Name(), state.Watermark, limit)
		} else { // looking for an event that fails, in no one's company
			r.shared.leave(p.Name())
			records, err = r.store.ReadFrom(ctx, state.Watermark, limit)
		}
		if err != nil || len(records) == 0 {
			break
		}
		var applied Projection
		applied, err = r.step(ctx, p, state, records)
		var failure *applyError
		switch {
		case err == nil:
			state, limit = applied, min(2*limit, r.batch)
		case errors.Is(err, errElsewhere):
			state, err = r.start(ctx, p)
		case problem.Is(err, problem.Unavailable): // the database's fault, and no event's
			return Projection{}, err
		case errors.As(err, &failure) && len(records) > 1:
			// Halve until the one event that fails stands alone.
			limit, err = max(1, min(limit, len(records))/2), nil
		case errors.As(err, &failure):
			return Projection{}, errors.Join(err, r.stop(ctx, p, state, records[0].Seq, failure))
		}
	}
	if errors.Is(err, errElsewhere) {
		return Projection{}, nil
	}
	return state, err
}

// start gives the projection's state, after a reset if the projector is newer.
func (r *Runner) start(ctx context.Context, p Projector) (Projection, error) {
	var state Projection
	err := r.store.Project(ctx, p.Name(), func(ctx context.Context, sql SQL, s *Projection) error {
		if s.Version > p.Version() {
			return errElsewhere // a newer replica keeps it
		}
		if s.Version < p.Version() {
			if err := guard(func() error { return p.Reset(ctx, sql) }); err != nil {
				return fmt.Errorf("reset: %w", err)
			}
			*s = Projection{Name: p.Name(), Version: p.Version()}
		}
		state = *s
		return nil
	})
	return state, err
}

// step applies records that follow state, unless another runner was first.
func (r *Runner) step(ctx context.Context, p Projector, state Projection, records []Record) (Projection, error) {
	var applied Projection
	err := r.store.Project(ctx, p.Name(), func(ctx context.Context, sql SQL, s *Projection) error {
		if s.Version != state.Version || s.Watermark != state.Watermark {
			return errElsewhere
		}
		if err := guard(func() error { return p.Apply(ctx, sql, records) }); err != nil {
			return &applyError{err}
		}
		s.Watermark = records[len(records)-1].Seq
		s.ErrorSeq, s.Error, s.FailedAt = 0, "", time.Time{}
		applied = *s
		return nil
	})
	return applied, err
}

// stop records where and why a projection stands still.
func (r *Runner) stop(ctx context.Context, p Projector, state Projection, seq int64, failure error) error {
	if ctx.Err() != nil {
		return nil
	}
	return r.store.Project(ctx, p.Name(), func(_ context.Context, _ SQL, s *Projection) error {
		if s.Version == state.Version && s.Watermark == state.Watermark {
			s.ErrorSeq, s.Error, s.FailedAt = seq, failure.Error(), r.clock()
		}
		return nil
	})
}

// applyError marks an error as the projector's, not the store's.
type applyError struct{ err error }

func (e *applyError) Error() string { return e.err.Error() }
func (e *applyError) Unwrap() error { return e.err }

// guard makes an error of a panic: a projector must not take the process with it.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f()
}
