package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
)

// A projection's commit does not wait for the disk; every other one does, also
// after one that failed.
func TestOnlyProjectionsCommitLate(t *testing.T) {
	waits := map[string]string{"sqlite": "PRAGMA synchronous", "postgres": "SHOW synchronous_commit"}
	inProjection := map[string]string{"sqlite": "1", "postgres": "off"}
	elsewhere := map[string]string{"sqlite": "2", "postgres": "on"}
	for kind, address := range databases {
		t.Run(kind, func(t *testing.T) {
			s := open(t, address(t), store.Options{})
			failed := errors.New("no")
			for _, end := range []error{nil, failed} {
				var late, other string
				err := s.Project(t.Context(), "some", func(ctx context.Context, tx event.SQL, _ *event.Projection) error {
					return errors.Join(tx.QueryRow(ctx, waits[kind]).Scan(&late), end)
				})
				if !errors.Is(err, end) {
					t.Fatal(err)
				}
				err = s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
					return tx.QueryRow(ctx, waits[kind]).Scan(&other)
				})
				if err != nil || late != inProjection[kind] || other != elsewhere[kind] {
					t.Errorf("ending with %v: %s is %s in a projection, %s after it (%v)", end, waits[kind], late, other, err)
				}
			}
		})
	}
}
