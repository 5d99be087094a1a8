package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestEqualBuildsAreBuiltOnce(t *testing.T) {
	b := newBuilder(t)
	count := filepath.Join(t.TempDir(), "count")
	req := request(t, map[string]string{"a": ""}, shellPlan("echo x >> "+count+"; echo made; sleep 0.2"))
	var all sync.WaitGroup
	var built atomic.Int32
	for range 6 {
		all.Go(func() {
			var log bytes.Buffer
			a, err := b.Build(t.Context(), req, &log)
			if err != nil || !strings.Contains(log.String(), "made") && !a.Cached {
				t.Errorf("%v, log %q", err, log.String())
			}
			if !a.Cached {
				built.Add(1)
			}
		})
	}
	all.Wait()
	if text := read(t, count); text != "x\n" || built.Load() != 1 {
		t.Errorf("built %d times", strings.Count(text, "x"))
	}
}

func TestAWaitingBuildTakesOverFromACancelledOne(t *testing.T) {
	b := newBuilder(t)
	gate := filepath.Join(t.TempDir(), "gate")
	req := request(t, map[string]string{"a": ""}, shellPlan("echo running; test -e "+gate+" || sleep 60"))
	ctx, cancel := context.WithCancel(t.Context())
	log := &watched{}
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := b.Build(ctx, req, log); first <- err }()
	poll(t, "the first build", func() bool { return log.contains("\nrunning") })
	go func() { _, err := b.Build(t.Context(), req, io.Discard); second <- err }()
	must(t, os.WriteFile(gate, nil, 0o600))
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("first: %v", err)
	}
	if err := <-second; err != nil {
		t.Errorf("second: %v", err)
	}
}

// watched is a log that another goroutine may look at.
type watched struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *watched) contains(s string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.b.String(), s)
}

func TestPrune(t *testing.T) {
	var time_ clock
	b, err := NewBuilder(Options{Dir: filepath.Join(t.TempDir(), "b"), Now: time_.now})
	must(t, err)
	defer b.Close()
	var made []string
	for i := range 3 {
		a, err := b.Build(t.Context(), request(t, map[string]string{"a": strings.Repeat(fmt.Sprint(i), 1000)}, shellPlan("true")), io.Discard)
		must(t, err)
		made = append(made, a.Digest)
		time_.advance(time.Hour)
	}
	if _, err := b.Get(made[0]); err != nil { // now the one used last
		t.Fatal(err)
	}
	freed, err := b.Prune(t.Context(), func(d string) bool { return d == made[1] }, 2000)
	must(t, err)
	if _, gone := b.Get(made[2]); freed != 1000 || gone == nil {
		t.Errorf("freed %d, third: %v", freed, gone)
	}
	freed, err = b.Prune(t.Context(), func(d string) bool { return d == made[1] }, 0)
	must(t, err)
	if freed != 0 {
		t.Errorf("freed %d of what is in use or was just used", freed)
	}
	time_.advance(time.Hour)
	if freed, err = b.Prune(t.Context(), func(string) bool { return false }, 0); err != nil || freed != 2000 {
		t.Errorf("freed %d, %v", freed, err)
	}
	isEmpty(t, b)
}

// What package managers keep is bounded, but by no means while they may be at it.
func TestPruneDownloads(t *testing.T) {
	b, err := NewBuilder(Options{Dir: filepath.Join(t.TempDir(), "b")})
	must(t, err)
	if freed, err := b.PruneDownloads(t.Context(), 0); freed != 0 || err != nil {
		t.Errorf("before the first build: freed %d, %v", freed, err)
	}
	for name, size := range map[string]int{"npm/_cacache/a": 3000, "pip/http/b": 1000, "uv/c": 500} {
		path := filepath.Join(b.opts.CacheDir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, make([]byte, size), 0o644))
	}
	work := filepath.Join(b.opts.Dir, "work", "one")
	must(t, os.Mkdir(work, 0o700))
	if freed, err := b.PruneDownloads(t.Context(), 0); freed != 0 || err != nil {
		t.Errorf("during a build: freed %d, %v", freed, err)
	}
	must(t, os.Remove(work))
	for _, c := range []struct{ bound, freed int64 }{{5000, 0}, {2000, 3000}, {2000, 0}, {0, 1500}} {
		if freed, err := b.PruneDownloads(t.Context(), c.bound); freed != c.freed || err != nil {
			t.Errorf("bound to %d: freed %d, %v, want %d", c.bound, freed, err, c.freed)
		}
	}
	if left, _ := os.ReadDir(b.opts.CacheDir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
