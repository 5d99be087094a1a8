package store

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"
)

// What many commits leave in the log comes into the file while nobody waits for it.
func TestLogIsKeptShort(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "stoa.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	exec := func(query string, args ...any) {
		t.Helper()
		err := s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *Tx) error {
			_, err := tx.Exec(ctx, query, args...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE bulk (n INTEGER PRIMARY KEY, b BLOB NOT NULL) STRICT")
	block := make([]byte, 1<<20)
	_, _ = rand.Read(block) // never fails
	for n := range 2 * walMoved * 4096 / len(block) {
		exec("INSERT INTO bulk (n, b) VALUES ($1, $2)", n, block)
	}
	var busy, pages, moved int64
	for deadline := time.Now().Add(time.Minute); ; {
		if err := s.Writer().QueryRowContext(t.Context(), "PRAGMA wal_checkpoint(NOOP)").Scan(&busy, &pages, &moved); err != nil {
			t.Fatal(err)
		}
		if moved > 0 && pages-moved < walMoved {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d pages of the log were moved", moved, pages)
		}
		<-time.After(20 * time.Millisecond)
	}
}
