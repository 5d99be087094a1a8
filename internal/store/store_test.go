package store_test

import (
	"path/filepath"
	"testing"

	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/store/storetest"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// databases gives the address of a new, empty database of either kind.
var databases = map[string]func(t testing.TB) string{
	"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "stoa.db") },
	"postgres": testenv.Postgres,
}

func onBoth(t *testing.T, run func(t *testing.T, address func(testing.TB) string)) {
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) { run(t, databases[name]) })
	}
}

func TestStore(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(testing.TB) string) {
		storetest.Run(t, func(t testing.TB, o store.Options) *store.Store { return open(t, address(t), o) })
	})
}

func open(t testing.TB, url string, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
