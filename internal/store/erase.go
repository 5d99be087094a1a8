package store

import (
	"context"
	"fmt"

	"github.com/stoa-platform/stoa/internal/problem"
)

// EraseHistory forgets every version of an object that is deleted, on behalf of
// by: what a User object said of a person. It returns problem.Conflict while
// the object is there; one that never was is no error.
func (s *Store) EraseHistory(ctx context.Context, by, kind, name string) error {
	return s.Write(ctx, by, func(ctx context.Context, tx *Tx) error {
		_, err := tx.Get(ctx, kind, name)
		if err == nil {
			return problem.New(problem.Conflict, "%s %s is still there: delete it first", kind, name)
		}
		if !problem.Is(err, problem.NotFound) {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM object_history WHERE kind = $1 AND name = $2", kind, name); err != nil {
			return fmt.Errorf("erase history of %s %s: %w", kind, name, err)
		}
		return nil
	})
}
