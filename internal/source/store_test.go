package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// clock is a time that tests move.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_700_000_000+c.at.Load(), 0) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d / time.Second)) }

func snapshotOf(t testing.TB, files map[string]string) (Snapshot, []byte) {
	t.Helper()
	dir := t.TempDir()
	writeTree(t, dir, files)
	snapshot, err := Scan(t.Context(), dir)
	must(t, err)
	return snapshot, pack(t, snapshot)
}

func newStore(t testing.TB, options ...StoreOption) (*Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sources")
	store, err := NewStore(dir, options...)
	must(t, err)
	return store, dir
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// Who knows the digest of a source has it only with the content.
func TestStoreOfSeveral(t *testing.T) {
	store, _ := newStore(t)
	snapshot, archive := snapshotOf(t, map[string]string{"main.go": "package main"})
	_, other := snapshotOf(t, map[string]string{"main.go": "package other"})
	must(t, store.Put(t.Context(), snapshot.Digest, "user/ann", bytes.NewReader(archive)))
	if !store.HasFrom(snapshot.Digest, "user/ann") || store.HasFrom(snapshot.Digest, "user/bob") {
		t.Error("it is ann's alone, and should be")
	}
	for _, r := range []io.Reader{bytes.NewReader(nil), errorReader{}, bytes.NewReader(other)} {
		if err := store.Put(t.Context(), snapshot.Digest, "user/bob", r); err == nil || store.HasFrom(snapshot.Digest, "user/bob") {
			t.Errorf("bob has it without the content (err = %v)", err)
		}
	}
	must(t, store.Put(t.Context(), snapshot.Digest, "user/bob", bytes.NewReader(archive)))
	if !store.HasFrom(snapshot.Digest, "user/ann") || !store.HasFrom(snapshot.Digest, "user/bob") {
		t.Error("one of two who have sent it does not have it")
	}
}

func TestStorePutAndOpen(t *testing.T) {
	store, dir := newStore(t)
	snapshot, archive := snapshotOf(t, map[string]string{"main.go": "package main", "a/b": "x"})
	if store.Has(snapshot.Digest) {
		t.Error("has what was not put")
	}
	if _, _, err := store.Open(snapshot.Digest); !problem.Is(err, problem.NotFound) {
		t.Errorf("Open: err = %v", err)
	}
	must(t, store.Put(t.Context(), snapshot.Digest, "user/ann", bytes.NewReader(archive)))
	must(t, store.Put(t.Context(), snapshot.Digest, "user/ann", errorReader{})) // not read again
	files, at, err := store.Open(snapshot.Digest)
	must(t, err)
	if data, err := fs.ReadFile(files, "main.go"); err != nil || string(data) != "package main" {
		t.Errorf("main.go = %q, %v", data, err)
	}
	again, err := Scan(t.Context(), at)
	must(t, err)
	if again.Digest != snapshot.Digest {
		t.Errorf("stored %s, want %s", again.Digest, snapshot.Digest)
	}
	reopened, err := NewStore(dir)
	must(t, err)
	if !reopened.Has(snapshot.Digest) {
		t.Error("lost when opened again")
	}
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, errors.New("the line broke") }

func TestStoreRefuses(t *testing.T) {
	store, dir := newStore(t, WithLimits(Limits{Files: 3}))
	snapshot, archive := snapshotOf(t, map[string]string{"a": "1"})
	other, _ := snapshotOf(t, map[string]string{"a": "2"})
	large, largeArchive := snapshotOf(t, map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name   string
		ctx    context.Context
		digest Digest
		r      io.Reader
		want   func(error) bool
	}{
		{"another digest", t.Context(), other.Digest, bytes.NewReader(archive), isProblem(problem.Invalid)},
		{"too many files", t.Context(), large.Digest, bytes.NewReader(largeArchive), isProblem(problem.TooLarge)},
		{"no digest", t.Context(), "sha256:../../x", bytes.NewReader(archive), func(err error) bool { return err != nil }},
		{"broken line", t.Context(), snapshot.Digest, io.MultiReader(bytes.NewReader(archive[:20]), errorReader{}), func(err error) bool { return strings.Contains(err.Error(), "the line broke") }},
		{"cancelled", cancelled, snapshot.Digest, bytes.NewReader(archive), func(err error) bool { return errors.Is(err, context.Canceled) }},
	}
	for _, test := range tests {
		if err := store.Put(test.ctx, test.digest, "user/ann", test.r); err == nil || !test.want(err) {
			t.Errorf("%s: err = %v", test.name, err)
		}
	}
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, _, err := store.Open("sha256:../.."); !problem.Is(err, problem.NotFound) {
		t.Errorf("Open of no digest: %v", err)
	}
}

func isProblem(kind problem.Kind) func(error) bool {
	return func(err error) bool { return problem.Is(err, kind) }
}

func TestStoreSweepsWhatWasBeingReceived(t *testing.T) {
	_, dir := newStore(t)
	writeTree(t, dir, map[string]string{incomingPrefix + "123/files/main.go": "half"})
	_, err := NewStore(dir)
	must(t, err)
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStoreIsSafeForConcurrentUse(t *testing.T) {
	var time clock
	store, dir := newStore(t, WithClock(time.now))
	var snapshots []Snapshot
	var archives [][]byte
	for i := range 4 {
		snapshot, archive := snapshotOf(t, map[string]string{"a": fmt.Sprint(i), "b/c": strings.Repeat("x", 1000)})
		snapshots, archives = append(snapshots, snapshot), append(archives, archive)
	}
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 12 {
				n := (worker + i) % len(snapshots)
				if err := store.Put(t.Context(), snapshots[n].Digest, "user/ann", bytes.NewReader(archives[n])); err != nil {
					t.Error(err)
				}
				// Within its rest nothing is pruned, however small the limit.
				if _, at, err := store.Open(snapshots[n].Digest); err != nil {
					t.Error(err)
				} else if data, err := os.ReadFile(filepath.Join(at, "a")); err != nil || string(data) != fmt.Sprint(n) {
					t.Errorf("a = %q, %v", data, err)
				}
				if _, err := store.Prune(t.Context(), func(Digest) bool { return false }, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if left := names(t, dir); len(left) != len(snapshots) {
		t.Errorf("stored %v", left)
	}
}

func TestStorePrune(t *testing.T) {
	var time_ clock
	store, dir := newStore(t, WithClock(time_.now))
	var digests []Digest
	for i := range 4 {
		snapshot, archive := snapshotOf(t, map[string]string{"a": strings.Repeat(fmt.Sprint(i), 1000)})
		must(t, store.Put(t.Context(), snapshot.Digest, "user/ann", bytes.NewReader(archive)))
		digests = append(digests, snapshot.Digest)
		time_.advance(time.Hour)
	}
	if _, _, err := store.Open(digests[0]); err != nil { // now the one used last
		t.Fatal(err)
	}
	keep := func(d Digest) bool { return d == digests[1] }
	freed, err := store.Prune(t.Context(), keep, 3000)
	must(t, err)
	if freed != 1000 || store.Has(digests[2]) {
		t.Errorf("freed %d, want the 1000 bytes of the one unused for longest and not kept", freed)
	}
	freed, err = store.Prune(t.Context(), keep, 0)
	must(t, err)
	if freed != 1000 || !store.Has(digests[0]) || !store.Has(digests[1]) || store.Has(digests[3]) {
		t.Errorf("freed %d: want the kept one and the one just used to stay, the third to go", freed)
	}
	time_.advance(time.Hour)
	if _, err := store.Prune(t.Context(), keep, 0); err != nil || store.Has(digests[0]) || len(names(t, dir)) != 1 {
		t.Errorf("err = %v, left %v", err, names(t, dir))
	}
}

func BenchmarkStorePut1000Files(b *testing.B) {
	snapshot, err := Scan(b.Context(), benchTree(b))
	must(b, err)
	archive := pack(b, snapshot)
	for b.Loop() {
		b.StopTimer()
		store, _ := newStore(b)
		b.StartTimer()
		must(b, store.Put(b.Context(), snapshot.Digest, "user/ann", bytes.NewReader(archive)))
	}
}
