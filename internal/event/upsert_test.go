package event_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
)

func TestUpsert(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		u := event.NewUpsert("projections", "ON CONFLICT (name) DO UPDATE SET watermark = projections.watermark + excluded.watermark",
			"name", "version", "watermark", "error_seq", "error", "failed_at")
		for _, rows := range []int{0, 1, 3, 5, 63, 64, 65, 150} {
			var args []any
			for i := range rows {
				args = append(args, fmt.Sprintf("%d of %d", i, rows), 1, i+1, 0, "", 0)
			}
			err := s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
				if err := u.Run(ctx, tx, args); err != nil {
					return err
				}
				return u.Run(ctx, tx, args)
			})
			if err != nil {
				t.Fatal(rows, err)
			}
			var n, sum int
			err = s.QueryRow(t.Context(), "SELECT count(*), coalesce(sum(watermark), 0) FROM projections WHERE name LIKE $1", fmt.Sprintf("%% of %d", rows)).Scan(&n, &sum)
			if err != nil || n != rows || sum != rows*(rows+1) {
				t.Errorf("%d rows: %d with a sum of %d, %v", rows, n, sum, err)
			}
		}
		err := s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error { return u.Run(ctx, tx, []any{"a", 1}) })
		if err == nil {
			t.Error("half a row was taken")
		}
	})
}
