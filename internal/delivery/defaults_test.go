package delivery

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/store"
)

func TestFirstEnvironment(t *testing.T) {
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stoa.db"), store.Options{Fields: func(string) []string { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	d := New(Options{Store: s})
	if got := d.firstEnvironment(t.Context(), s); got != "dev" {
		t.Errorf("without any it is %q", got)
	}
	for name, order := range map[string]int{"a-last": 0, "production": 90, "staging": 50, "early": 10} {
		env := object.New[catalog.EnvironmentSpec, struct{}](name, "", catalog.EnvironmentSpec{Order: order})
		raw, err := env.Object()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error { _, err := tx.Put(ctx, raw); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.firstEnvironment(t.Context(), s); got != "early" {
		t.Errorf("the first is %q", got)
	}
}
