package reconcile

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/stoa-platform/stoa/internal/store"
)

// A poll that finds nothing does not take the lock that a writer holds, nor wait for it.
func TestPollOfAnEmptyQueueTakesNoLock(t *testing.T) {
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stoa.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	driver := listeningDriver{Driver: riversqlite.New(s.Writer()), hub: newHub(), reader: s.Reader()}
	if err := migrate(t.Context(), driver); err != nil {
		t.Fatal(err)
	}
	tx, err := s.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	jobs, err := driver.GetExecutor().JobGetAvailable(ctx, &riverdriver.JobGetAvailableParams{ClientID: "one", MaxToLock: 1, MaxAttemptedBy: 1, Queue: "default"})
	if err != nil || len(jobs) != 0 {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
}
