package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/store"
)

// Services makes n objects of the size and shape of a real service.
func Services(n int) []object.Object {
	objects := make([]object.Object, n)
	for i := range objects {
		o := Widget(numbered(i), fmt.Sprintf("team-%03d", i%200), map[string]any{
			"type": "backend", "language": "go", "port": 8080, "health": "/healthz", "colour": fmt.Sprintf("c%d", i%50), "size": i % 7, "on": true,
			"environments": map[string]any{"dev": map[string]any{"replicas": 1, "memory": "256Mi"}, "production": map[string]any{"replicas": 3, "memory": "1Gi"}},
			"repository":   fmt.Sprintf("https://git.example.com/team-%03d/service-%05d", i%200, i),
		})
		o.Metadata.Title = fmt.Sprintf("Service number %d", i)
		o.Metadata.Description = fmt.Sprintf("Handles the %s of %s for everybody who needs it", words[i%len(words)], words[(i/7)%len(words)])
		o.Metadata.Labels = map[string]string{"tier": fmt.Sprintf("t%d", i%3)}
		objects[i] = o
	}
	return objects
}

var words = []string{"payments", "orders", "invoices", "customers", "deliveries", "returns", "prices", "offers", "stock", "letters", "reports", "accounts", "tickets"}

func testTenThousand(t *testing.T, open Open) {
	const n = 10_000
	s := opened(t, open)
	objects := Services(n)
	timed := func(what string, fn func(ctx context.Context, tx *store.Tx) error) {
		started := time.Now()
		write(t, s, fn)
		t.Logf("%s: %v", what, time.Since(started).Round(time.Millisecond))
	}
	apply := func(created, changed int) func(ctx context.Context, tx *store.Tx) error {
		return func(ctx context.Context, tx *store.Tx) error {
			results, err := tx.PutAll(ctx, objects)
			if err != nil {
				return err
			}
			for _, r := range results {
				if r.Created {
					created--
				}
				if r.Changed {
					changed--
				}
			}
			if created != 0 || changed != 0 {
				return fmt.Errorf("%d creations and %d changes off", created, changed)
			}
			return nil
		}
	}
	timed("apply 10,000 new", apply(n, n))
	timed("apply the same 10,000 again", apply(0, 0))
	for i := range objects {
		objects[i].Spec = []byte(fmt.Sprintf(`{"colour":"d%d"}`, i%50))
	}
	timed("apply 10,000 changed", apply(0, n))

	if got, err := s.Count(t.Context(), object.Query{Kind: "Widget", Fields: map[string]string{"spec.colour": "d7"}}); err != nil || got != n/50 {
		t.Errorf("%d of the colour, %v", got, err)
	}
	found := names(t, s, object.Query{Kind: "Widget", Owner: "team-007", Limit: 20})
	if len(found) != n/200 {
		t.Errorf("%d of the owner", len(found))
	}
	if found := names(t, s, object.Query{Kind: "Widget", Search: "w09999"}); len(found) != 1 {
		t.Errorf("found %v", found)
	}
	if all := names(t, s, object.Query{Kind: "Widget", Limit: 1000}); len(all) != n {
		t.Errorf("%d objects", len(all))
	}
}
