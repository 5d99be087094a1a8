package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/reconcile"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/testenv"
)

const patience = 30 * time.Second

// queue is an engine on a database, with one worker called "work".
type queue struct {
	*reconcile.Engine
	store   *store.Store
	url     string
	reclaim time.Duration // 0 is the default, longer than any of these tests
	long    int           // 0 is the default
}

type work = func(ctx context.Context, job reconcile.Job) (reconcile.Outcome, error)

type number struct {
	N int `json:"n"`
}

func onBoth(t *testing.T, test func(t *testing.T, q *queue)) {
	inTurn(t, func(t *testing.T, q *queue) {
		t.Parallel()
		test(t, q)
	})
}

func inTurn(t *testing.T, test func(t *testing.T, q *queue)) {
	for name, address := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "stoa.db") },
		"postgres": testenv.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			q := &queue{url: address(t)}
			var err error
			if q.store, err = store.Open(t.Context(), q.url, store.Options{}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = q.store.Close() })
			test(t, q)
		})
	}
}

// open makes the engine; id names the replica.
func (q *queue) open(t *testing.T, id string, work work) *reconcile.Engine {
	t.Helper()
	engine, err := reconcile.New(t.Context(), q.store, reconcile.Options{
		ID: id, URL: q.url, Logger: slog.New(slog.DiscardHandler), Reclaim: q.reclaim, Long: q.long,
		Workers: []reconcile.Worker{{Name: "work", Work: work}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// start opens and starts the engine; it is stopped with the test.
func (q *queue) start(t *testing.T, work work) {
	t.Helper()
	q.Engine = q.open(t, "one", work)
	if err := q.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, q.Engine) })
}

func stop(t *testing.T, e *reconcile.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := e.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func (q *queue) insert(t *testing.T, jobs ...store.Job) {
	t.Helper()
	if err := q.store.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error { return tx.Enqueue(ctx, jobs...) }); err != nil {
		t.Fatalf("insert: %v", err)
	}
}

func job(n int) store.Job { return store.Job{Kind: "work", Args: number{n}} }

// state is the queue's own word for how the only job stands.
func (q *queue) state(t *testing.T) string {
	t.Helper()
	var state string
	if err := q.store.Reader().QueryRowContext(t.Context(), "SELECT state FROM river_job").Scan(&state); err != nil {
		t.Fatal(err)
	}
	return state
}

func (q *queue) becomes(t *testing.T, want string) {
	t.Helper()
	eventually(t, func() error {
		if got := q.state(t); got != want {
			return fmt.Errorf("the job is %s, want %s", got, want)
		}
		return nil
	})
}

func eventually(t *testing.T, try func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %v", patience, err)
		}
		<-tick.C
	}
}

func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("nothing in %v", patience)
		panic("unreachable")
	}
}

// From the commit to the start of the work: no poll, whose period is a second,
// may stand in between.
func TestLatency(t *testing.T) {
	inTurn(t, func(t *testing.T, q *queue) {
		started := make(chan time.Time, 1)
		q.start(t, func(context.Context, reconcile.Job) (reconcile.Outcome, error) {
			started <- time.Now()
			return reconcile.Done(), nil
		})
		var all []time.Duration
		for i := range 30 {
			q.insert(t, job(i))
			committed := time.Now()
			all = append(all, max(0, receive(t, started).Sub(committed)))
		}
		slices.Sort(all)
		t.Logf("median %v, worst %v", all[len(all)/2], all[len(all)-1])
		if median := all[len(all)/2]; median > 400*time.Millisecond {
			t.Errorf("median %v", median)
		}
	})
}

func TestArgumentsAndOutcomes(t *testing.T) {
	boom := errors.New("boom")
	for _, test := range []struct {
		name     string
		outcomes func(try int) (reconcile.Outcome, error)
		tries    int   // how often it is worked
		attempts []int // what the worker is told
		state    string
	}{
		{"done", func(int) (reconcile.Outcome, error) { return reconcile.Done(), nil }, 1, []int{1}, "completed"},
		{"wait", func(try int) (reconcile.Outcome, error) {
			if try < 3 {
				return reconcile.Wait(time.Millisecond), nil
			}
			return reconcile.Done(), nil
		}, 3, []int{1, 1, 1}, "completed"},
		{"retry", func(try int) (reconcile.Outcome, error) {
			if try < 2 {
				return reconcile.Outcome{}, boom
			}
			return reconcile.Done(), nil
		}, 2, []int{1, 2}, "completed"},
		{"panic", func(try int) (reconcile.Outcome, error) {
			if try < 2 {
				panic(boom)
			}
			return reconcile.Done(), nil
		}, 2, []int{1, 2}, "completed"},
		{"stalled", func(int) (reconcile.Outcome, error) { return reconcile.Stalled(boom), nil }, 1, []int{1}, "cancelled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, q *queue) {
				attempts := make(chan int, 10)
				var tries atomic.Int64
				q.start(t, func(_ context.Context, j reconcile.Job) (reconcile.Outcome, error) {
					var args number
					if err := j.Decode(&args); err != nil || args.N != 7 || j.ID == 0 {
						t.Errorf("job %+v: %v", j, err)
					}
					attempts <- j.Attempt
					return test.outcomes(int(tries.Add(1)))
				})
				q.insert(t, job(7))
				q.becomes(t, test.state)
				var got []int
				for range test.tries {
					got = append(got, receive(t, attempts))
				}
				if !slices.Equal(got, test.attempts) || len(attempts) > 0 {
					t.Errorf("attempts %v and %d more, want %v", got, len(attempts), test.attempts)
				}
			})
		})
	}
}

// A job of another version is left to whoever knows how to work it.
func TestUnknownWorker(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue) {
		q.start(t, func(context.Context, reconcile.Job) (reconcile.Outcome, error) { return reconcile.Done(), nil })
		q.insert(t, store.Job{Kind: "of-another-version"})
		eventually(t, func() error {
			var attempt int
			var finalized *string
			err := q.store.Reader().QueryRowContext(t.Context(), "SELECT attempt, CAST(finalized_at AS TEXT) FROM river_job").Scan(&attempt, &finalized)
			if err != nil || attempt < 2 || finalized != nil {
				return fmt.Errorf("after %d attempts it ended %v (%v)", attempt, finalized, err)
			}
			return nil
		})
	})
}

// A job exists if and only if its transaction commits.
func TestRolledBack(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue) {
		worked := make(chan int, 2)
		q.start(t, func(_ context.Context, j reconcile.Job) (reconcile.Outcome, error) {
			var args number
			err := j.Decode(&args)
			worked <- args.N
			return reconcile.Done(), err
		})
		no := errors.New("no")
		err := q.store.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(tx.Enqueue(ctx, job(1)), no)
		})
		if !errors.Is(err, no) {
			t.Fatalf("write: %v", err)
		}
		q.insert(t, job(2))
		if n := receive(t, worked); n != 2 {
			t.Errorf("job %d was worked, its transaction was rolled back", n)
		}
	})
}

// A job that a killed process left running is taken up at once by the next
// process of the same name.
func TestTakenBack(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue) {
		begun := make(chan struct{}, 1)
		killed := q.open(t, "one", func(ctx context.Context, _ reconcile.Job) (reconcile.Outcome, error) {
			begun <- struct{}{}
			<-ctx.Done() // as good as dead
			return reconcile.Done(), nil
		})
		if err := killed.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		q.insert(t, job(1))
		receive(t, begun)

		attempts := make(chan int, 1)
		q.start(t, func(_ context.Context, j reconcile.Job) (reconcile.Outcome, error) {
			attempts <- j.Attempt
			return reconcile.Done(), nil
		})
		if got := receive(t, attempts); got != 2 {
			t.Errorf("attempt %d, want 2", got)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = killed.Stop(ctx)
	})
}

// A job of which the queue could not record the end is worked again.
func TestReclaimed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue) {
		q.reclaim = time.Second
		worked := make(chan int, 10)
		q.start(t, func(_ context.Context, j reconcile.Job) (reconcile.Outcome, error) {
			worked <- j.Attempt
			return reconcile.Done(), nil
		})
		q.insert(t, job(1))
		receive(t, worked)
		q.becomes(t, "completed")
		// What a full disk leaves behind.
		if _, err := q.store.Writer().ExecContext(t.Context(), "UPDATE river_job SET state = 'running', finalized_at = NULL"); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, worked); got != 2 {
			t.Errorf("attempt %d, want 2", got)
		}
		q.becomes(t, "completed")
	})
}

// A long job is not taken for an abandoned one.
func TestLongJobIsLeftAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue) {
		q.reclaim = time.Second
		var tries atomic.Int64
		q.start(t, func(context.Context, reconcile.Job) (reconcile.Outcome, error) {
			tries.Add(1)
			<-time.After(3500 * time.Millisecond) // three looks of the reclaimer
			return reconcile.Done(), nil
		})
		q.insert(t, job(1))
		q.becomes(t, "completed")
		if n := tries.Load(); n != 1 {
			t.Errorf("worked %d times", n)
		}
	})
}

// However many long jobs there are, so many as allowed are worked, and a job that
// is none of them is worked at once.
func TestLongJobsKeepNoOthersWaiting(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue) {
		const long, limit = 40, 3
		q.long = limit
		release, short := make(chan struct{}), make(chan struct{}, 1)
		var at, peak, worked atomic.Int64
		q.start(t, func(ctx context.Context, j reconcile.Job) (reconcile.Outcome, error) {
			var args number
			if err := j.Decode(&args); err != nil {
				return reconcile.Stalled(err), nil
			}
			if args.N < 0 {
				short <- struct{}{}
				return reconcile.Done(), nil
			}
			now := at.Add(1)
			for seen := peak.Load(); now > seen && !peak.CompareAndSwap(seen, now); seen = peak.Load() {
			}
			select {
			case <-release:
			case <-ctx.Done():
				return reconcile.Outcome{}, ctx.Err()
			}
			at.Add(-1)
			worked.Add(1)
			return reconcile.Done(), nil
		})
		var jobs []store.Job
		for n := range long {
			jobs = append(jobs, store.Job{Kind: "work", Args: number{n}, Long: true})
		}
		q.insert(t, jobs...)
		eventually(t, func() error {
			if n := at.Load(); n < limit {
				return fmt.Errorf("%d long jobs are worked", n)
			}
			return nil
		})
		q.insert(t, job(-1))
		receive(t, short)
		if n := worked.Load(); n != 0 {
			t.Errorf("%d long jobs ended before the short one began", n)
		}
		close(release)
		eventually(t, func() error {
			if n := worked.Load(); n < long {
				return fmt.Errorf("%d of %d long jobs were worked", n, long)
			}
			return nil
		})
		if n := peak.Load(); n != limit {
			t.Errorf("%d long jobs were worked at once, want %d", n, limit)
		}
	})
}

// Stop lets a job end that ends soon.
func TestStopDrains(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue) {
		begun := make(chan struct{}, 1)
		var ended atomic.Bool
		engine := q.open(t, "one", func(ctx context.Context, _ reconcile.Job) (reconcile.Outcome, error) {
			begun <- struct{}{}
			select {
			case <-time.After(200 * time.Millisecond):
				ended.Store(true)
				return reconcile.Done(), nil
			case <-ctx.Done():
				return reconcile.Outcome{}, ctx.Err()
			}
		})
		if err := engine.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		q.insert(t, job(1))
		receive(t, begun)
		stop(t, engine)
		if !ended.Load() || q.state(t) != "completed" {
			t.Errorf("ended %v, the job is %s", ended.Load(), q.state(t))
		}
	})
}

// A job that a stop interrupts is worked at the next start, at once and as if
// it had not been tried.
func TestStopInterrupts(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue) {
		begun := make(chan struct{}, 1)
		engine := q.open(t, "one", func(ctx context.Context, _ reconcile.Job) (reconcile.Outcome, error) {
			begun <- struct{}{}
			<-ctx.Done()
			return reconcile.Outcome{}, ctx.Err()
		})
		if err := engine.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		q.insert(t, job(1))
		receive(t, begun)
		stop(t, engine)
		if got := q.state(t); got != "available" {
			t.Errorf("the job is %s", got)
		}
		attempts := make(chan int, 1)
		q.start(t, func(_ context.Context, j reconcile.Job) (reconcile.Outcome, error) {
			attempts <- j.Attempt
			return reconcile.Done(), nil
		})
		if got := receive(t, attempts); got != 1 {
			t.Errorf("attempt %d, want 1", got)
		}
	})
}

// Engines come and go while jobs come in: every job is worked.
func TestStartStopStress(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue) {
		const rounds, each = 8, 10
		var mu sync.Mutex
		worked := map[int]int{}
		count := func(_ context.Context, j reconcile.Job) (reconcile.Outcome, error) {
			var args number
			err := j.Decode(&args)
			mu.Lock()
			defer mu.Unlock()
			worked[args.N]++
			return reconcile.Done(), err
		}
		for round := range rounds {
			engine := q.open(t, "one", count)
			if err := engine.Start(context.Background()); err != nil {
				t.Fatal(err)
			}
			var inserts sync.WaitGroup
			inserts.Go(func() {
				for i := range each {
					q.insert(t, job(round*each+i))
				}
			})
			if round%2 == 0 {
				inserts.Wait()
			}
			stop(t, engine)
			inserts.Wait()
		}
		q.start(t, count)
		eventually(t, func() error {
			mu.Lock()
			defer mu.Unlock()
			if len(worked) != rounds*each {
				return fmt.Errorf("%d of %d jobs were worked", len(worked), rounds*each)
			}
			return nil
		})
	})
}
