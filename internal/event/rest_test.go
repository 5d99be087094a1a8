package event_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/event/merkle"
)

// While events come all the time, projectors look for them at intervals, and soon
// when they pause.
func TestProjectorsRestBetweenLooks(t *testing.T) {
	for name, c := range map[string]struct {
		posts time.Duration // how long something is appended all the time
		look  time.Duration
		want  []time.Duration
	}{
		"all the time":        {3 * time.Second, 0, []time.Duration{0, time.Second, 2 * time.Second}},
		"all the time, alone": {3 * time.Second, time.Minute, []time.Duration{0, time.Second, 2 * time.Second}},
		"a burst":             {350 * time.Millisecond, 0, []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 2500 * time.Millisecond}},
		"a burst, alone":      {350 * time.Millisecond, time.Minute, []time.Duration{0, 500 * time.Millisecond}},
		"nothing":             {0, 0, []time.Duration{0, time.Second, 2 * time.Second}},
		"nothing, alone":      {0, time.Minute, []time.Duration{0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ledger := &busyLedger{posts: time.Now().Add(c.posts)}
				ctx, stop := context.WithTimeout(t.Context(), 2900*time.Millisecond)
				defer stop()
				began := time.Now()
				event.NewRunner(ledger, []event.Projector{idle{}}, event.RunnerOptions{Rest: 100 * time.Millisecond, Every: time.Second, Look: c.look}).Run(ctx)
				var looks []time.Duration
				for _, at := range ledger.looks {
					looks = append(looks, at.Sub(began))
				}
				if !slices.Equal(looks, c.want) {
					t.Errorf("looks after %v, want %v", looks, c.want)
				}
				if ledger.locked != 1 { // to learn its state; looks that find nothing only read
					t.Errorf("took the lock %d times, want 1", ledger.locked)
				}
			})
		})
	}
}

// What fails is tried again after a while, whatever is appended meanwhile, and not
// only when events of others are looked for next.
func TestProjectorsTryAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := &busyLedger{posts: time.Now().Add(time.Hour), fails: errors.New("the disk is full")}
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		began := time.Now()
		event.NewRunner(ledger, []event.Projector{idle{}}, event.RunnerOptions{Rest: 100 * time.Millisecond, Every: time.Second, Look: time.Hour}).Run(ctx)
		var looks []time.Duration
		for _, at := range ledger.looks {
			looks = append(looks, at.Sub(began))
		}
		if want := []time.Duration{0, 2 * time.Second, 6 * time.Second, 14 * time.Second}; !slices.Equal(looks, want) {
			t.Errorf("looks after %v, want %v", looks, want)
		}
	})
}

// A sealer seals what it is told of after Every, looks for what it is not told of
// after Look, and tries again what fails.
func TestSealersRestBetweenLooks(t *testing.T) {
	const second = time.Second
	for name, c := range map[string]struct {
		posts, look time.Duration
		fails       error
		want        []time.Duration
	}{
		"all the time":        {3 * second, 0, nil, []time.Duration{0, second, 2 * second, 3 * second, 4 * second, 5 * second, 6 * second}},
		"all the time, alone": {3 * second, time.Minute, nil, []time.Duration{0, second, 2 * second, 3 * second}},
		"nothing, alone":      {0, 4 * second, nil, []time.Duration{0, 4 * second}},
		"fails":               {time.Hour, time.Minute, errors.New("the disk is full"), []time.Duration{0, second, 3 * second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ledger := &busySeals{busyLedger: busyLedger{posts: time.Now().Add(c.posts), fails: c.fails}}
				ctx, stop := context.WithTimeout(t.Context(), 6500*time.Millisecond)
				defer stop()
				began := time.Now()
				event.NewSealer(ledger, event.Key{}, event.SealerOptions{Every: second, Look: c.look}).Run(ctx)
				var looks []time.Duration
				for _, at := range ledger.looks[:len(ledger.looks)-1] { // the last one is that of the end
					looks = append(looks, at.Sub(began))
				}
				if !slices.Equal(looks, c.want) {
					t.Errorf("looks after %v, want %v", looks, c.want)
				}
			})
		})
	}
}

// busySeals is a busyLedger that a sealer looks at, and finds nothing in.
type busySeals struct{ busyLedger }

func (b *busySeals) Checkpoint(ctx context.Context, _ int64) (string, error) {
	_, err := b.ReadFrom(ctx, 0, 0)
	return "", err
}

func (*busySeals) Leaves(context.Context, int64, int) ([]tlog.Hash, error)     { return nil, nil }
func (*busySeals) Tiles(context.Context, []merkle.Tile) ([]merkle.Tile, error) { return nil, nil }
func (*busySeals) Seal(context.Context, event.Checkpoint, []merkle.Tile) (bool, error) {
	return true, nil
}

// Who works for long leaves the database to others for as long, but not for ever.
func TestProjectorsRestAsLongAsTheyWork(t *testing.T) {
	for worked, want := range map[time.Duration]int{300 * time.Millisecond: 10, 4 * time.Second: 2} {
		synctest.Test(t, func(t *testing.T) {
			ledger := &busyLedger{takes: worked, posts: time.Now().Add(time.Hour)}
			ctx, stop := context.WithTimeout(t.Context(), 9100*time.Millisecond)
			defer stop()
			event.NewRunner(ledger, []event.Projector{idle{}}, event.RunnerOptions{Rest: 100 * time.Millisecond, Every: time.Second}).Run(ctx)
			if n := len(ledger.looks); n != want {
				t.Errorf("%d looks of %s in 9.1 s, want %d", n, worked, want)
			}
		})
	}
}

// busyLedger says until a time that something was appended, and has nothing to read.
type busyLedger struct {
	posts  time.Time
	takes  time.Duration // to read
	fails  error         // what each read fails with
	looks  []time.Time
	locked int // times
}

func (b *busyLedger) Appended() <-chan struct{} {
	appended := make(chan struct{})
	if time.Now().Before(b.posts) {
		close(appended)
	}
	return appended
}

func (b *busyLedger) ReadFrom(context.Context, int64, int) ([]event.Record, error) {
	b.looks = append(b.looks, time.Now())
	time.Sleep(b.takes)
	return nil, b.fails
}

func (b *busyLedger) Project(ctx context.Context, name string, do func(context.Context, event.SQL, *event.Projection) error) error {
	b.locked++
	return do(ctx, nil, &event.Projection{Name: name, Version: 1})
}

func (*busyLedger) Projections(context.Context) ([]event.Projection, error) { return nil, nil }

// What is appended while one projector looks is found by another that was told of it,
// and that would look where the first one has found nothing.
func TestProjectorsMissNothingThatTheyAreToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := &growingLedger{}
		var projected [2]time.Time
		var all []event.Projector
		for i := range projected {
			all = append(all, seen{name: string(rune('a' + i)), at: &projected[i]})
		}
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		began := time.Now()
		time.AfterFunc(1950*time.Millisecond, ledger.append)
		event.NewRunner(ledger, all, event.RunnerOptions{Rest: 100 * time.Millisecond, Every: time.Second, Look: time.Minute}).Run(ctx)
		for i, at := range projected {
			if at.IsZero() || at.Sub(began) > 5*time.Second {
				t.Errorf("projector %d has the event after %v", i, at.Sub(began))
			}
		}
	})
}

// growingLedger gets one event. Each look at it sees what was there when it began,
// and takes a second. Projector a looks right before the event comes, b, which
// fails at first, right after it.
type growingLedger struct {
	event.Signal
	mu     sync.Mutex
	events []event.Record
	failed bool
}

func (l *growingLedger) append() {
	l.mu.Lock()
	l.events = append(l.events, event.Record{Seq: 1})
	l.mu.Unlock()
	l.Notify()
}

func (l *growingLedger) Appended() <-chan struct{} { return l.Wait() }

func (l *growingLedger) ReadFrom(_ context.Context, after int64, _ int) ([]event.Record, error) {
	l.mu.Lock()
	there := l.events
	l.mu.Unlock()
	time.Sleep(time.Second)
	return there[min(int(after), len(there)):], nil
}

func (l *growingLedger) Project(ctx context.Context, name string, do func(context.Context, event.SQL, *event.Projection) error) error {
	l.mu.Lock()
	first := len(l.events) == 0
	l.mu.Unlock()
	switch {
	case name == "a" && first:
		time.Sleep(1900 * time.Millisecond)
	case name == "a":
	case !l.failed:
		l.failed = true
		return errors.New("not now")
	}
	return do(ctx, nil, &event.Projection{Name: name, Version: 1})
}

func (*growingLedger) Projections(context.Context) ([]event.Projection, error) { return nil, nil }

// seen notes when it gets an event.
type seen struct {
	name string
	at   *time.Time
}

func (s seen) Name() string                         { return s.name }
func (seen) Version() int                           { return 1 }
func (seen) Reset(context.Context, event.SQL) error { return nil }
func (s seen) Apply(_ context.Context, _ event.SQL, _ []event.Record) error {
	*s.at = time.Now()
	return nil
}

// idle is a projector that nothing concerns.
type idle struct{}

func (idle) Name() string                                           { return "idle" }
func (idle) Version() int                                           { return 1 }
func (idle) Reset(context.Context, event.SQL) error                 { return nil }
func (idle) Apply(context.Context, event.SQL, []event.Record) error { return nil }
