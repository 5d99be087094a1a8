package reconcile

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/stoa-platform/stoa/internal/store"
)

// Options configure an Engine.
type Options struct {
	// ID names this process among the replicas and stays the same over its
	// restarts, so that it takes up the jobs that it left when it was killed.
	ID string
	// URL is the PostgreSQL URL; unused on SQLite.
	URL string
	// Concurrency is how many jobs are worked at once that are not long. Most of
	// them wait for an application, which costs nothing: so few that some which wait
	// in vain keep others from their turn would be wrong. Default 512.
	Concurrency int
	// Long is how many long jobs are worked at once, beside the others. Default:
	// as many as the machine has processors, and 4 at least, since a build waits
	// for the network about as long as it computes.
	Long int
	// Reclaim is how often jobs are looked for whose end could not be recorded.
	// Default 45 s.
	Reclaim time.Duration
	Logger  *slog.Logger
	Workers []Worker
}

// Engine inserts and works jobs. It implements store.Enqueuer.
type Engine struct {
	insert  inserter
	work    runner
	hub     *hub // nil on PostgreSQL
	stop    func()
	reclaim *reclaimer
	looking sync.WaitGroup
	giveUp  context.CancelFunc // ends looking
}

type inserter interface {
	InsertManyTx(ctx context.Context, tx *sql.Tx, params []river.InsertManyParams) ([]*rivertype.JobInsertResult, error)
}

type runner interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
}

// New migrates the queue's tables, takes back the jobs that a killed process
// of the same ID left running, and connects the engine to the store. Jobs can
// be inserted at once; they are worked after Start.
func New(ctx context.Context, s *store.Store, o Options) (*Engine, error) {
	if o.Reclaim == 0 {
		o.Reclaim = reclaimEvery
	}
	workers := river.NewWorkers()
	byName := make(map[string]Worker, len(o.Workers))
	for _, w := range o.Workers {
		byName[w.Name] = w
	}
	reclaim := &reclaimer{db: s.Writer(), every: o.Reclaim, log: o.Logger, working: map[int64]struct{}{}}
	river.AddWorker(workers, &dispatcher{workers: byName, reclaim: reclaim, log: o.Logger})
	if o.Concurrency == 0 {
		o.Concurrency = 512
	}
	if o.Long == 0 {
		o.Long = max(4, runtime.NumCPU())
	}
	config := &river.Config{
		ID:                o.ID,
		Logger:            slog.New(warnings{o.Logger.Handler()}),
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.Concurrency}, longQueue: {MaxWorkers: o.Long}},
		Workers:           workers,
		FetchCooldown:     time.Millisecond,
		FetchPollInterval: time.Second,
		JobTimeout:        -1,
		// A process that comes back takes its own jobs at once (takeBack); this
		// is for a replica that never does. River takes back jobs that still run
		// too, so it is longer than any build, migration and rollout together.
		RescueStuckJobsAfter: 24 * time.Hour,
	}
	e := &Engine{stop: func() {}, reclaim: reclaim, giveUp: func() {}}
	var err error
	if s.Dialect() == "sqlite" {
		err = e.openSQLite(ctx, s, config)
	} else {
		err = e.openPostgres(ctx, s.Writer(), o, config)
	}
	if err != nil {
		return nil, err
	}
	s.UseJobs(e)
	return e, nil
}

func (e *Engine) openSQLite(ctx context.Context, s *store.Store, config *river.Config) error {
	e.hub = newHub()
	db := s.Writer()
	driver := listeningDriver{Driver: riversqlite.New(db), hub: e.hub, reader: s.Reader()}
	if err := migrate(ctx, driver); err != nil {
		return err
	}
	// One process owns a SQLite database, so whatever runs was left by a killed one.
	if _, err := db.ExecContext(ctx, "UPDATE river_job SET state = 'available' WHERE state = 'running'"); err != nil {
		return fmt.Errorf("take back jobs: %w", err)
	}
	client, err := river.NewClient(driver, config)
	if err != nil {
		return fmt.Errorf("open job queue: %w", err)
	}
	e.reclaim.running = "SELECT id, attempt FROM river_job WHERE state = 'running'"
	e.insert, e.work = client, client
	return nil
}

func (e *Engine) openPostgres(ctx context.Context, db *sql.DB, o Options, config *river.Config) error {
	if err := migrate(ctx, riverdatabasesql.New(db)); err != nil {
		return err
	}
	const mine = ` WHERE state = 'running' AND attempted_by[array_length(attempted_by, 1)] = $1`
	e.reclaim.running, e.reclaim.args = "SELECT id, attempt FROM river_job"+mine, []any{o.ID}
	if _, err := db.ExecContext(ctx, "UPDATE river_job SET state = 'available'"+mine, o.ID); err != nil {
		return fmt.Errorf("take back jobs: %w", err)
	}
	// Jobs are inserted inside the store's database/sql transaction …
	inserts, err := river.NewClient(riverdatabasesql.New(db), &river.Config{
		Logger: config.Logger, Workers: config.Workers, FetchCooldown: config.FetchCooldown, FetchPollInterval: config.FetchPollInterval,
	})
	if err != nil {
		return fmt.Errorf("open job queue: %w", err)
	}
	// … and worked by the driver that can LISTEN.
	pool, err := pgxpool.New(ctx, o.URL)
	if err != nil {
		return fmt.Errorf("open job queue: %w", err)
	}
	works, err := river.NewClient(riverpgxv5.New(pool), config)
	if err != nil {
		pool.Close()
		return fmt.Errorf("open job queue: %w", err)
	}
	e.insert, e.work, e.stop = inserts, works, pool.Close
	return nil
}

func migrate[TTx any](ctx context.Context, driver riverdriver.Driver[TTx]) error {
	migrator, err := rivermigrate.New(driver, nil)
	if err != nil {
		return fmt.Errorf("migrate job queue: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate job queue: %w", err)
	}
	return nil
}

// InsertTx inserts jobs inside the transaction; they are worked once it has
// committed and Committed was called.
func (e *Engine) InsertTx(ctx context.Context, tx *sql.Tx, jobs []store.Job) error {
	params, err := encode(jobs)
	if err != nil {
		return err
	}
	if _, err := e.insert.InsertManyTx(ctx, tx, params); err != nil {
		return fmt.Errorf("insert jobs: %w", err)
	}
	return nil
}

// Committed wakes the workers after a transaction with jobs; PostgreSQL does
// so by itself.
func (e *Engine) Committed() {
	if e.hub != nil {
		e.hub.notify()
	}
}

// Start works jobs until Stop.
func (e *Engine) Start(ctx context.Context) error {
	if err := e.work.Start(ctx); err != nil {
		return err
	}
	var looking context.Context
	looking, e.giveUp = context.WithCancel(ctx)
	e.looking.Go(func() { e.reclaim.run(looking) })
	return nil
}

// Stop waits for the running jobs until ctx ends, then cancels them; a
// cancelled job is worked again at the next start.
func (e *Engine) Stop(ctx context.Context) error {
	defer e.stop()
	defer e.looking.Wait()
	e.giveUp()
	soft, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := e.work.Stop(soft); err == nil {
		return nil
	}
	return e.work.StopAndCancel(ctx)
}

var _ runner = (*river.Client[pgx.Tx])(nil)
