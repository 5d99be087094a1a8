package store_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/store/storetest"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// A server of PostgreSQL whose disk is full refuses a change whole and says why;
// once there is room again, nobody has to do anything.
func TestFullDiskOfPostgres(t *testing.T) {
	dir, inside := testenv.SmallDisk(t, "160m")
	if !inside {
		return
	}
	t.Setenv("TMPDIR", dir)
	url, stop, err := testenv.StartPostgres()
	if err != nil {
		testenv.Missing(t, "PostgreSQL: "+err.Error())
	}
	t.Cleanup(stop)
	s := open(t, url, options)

	ballast := filepath.Join(dir, "ballast")
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	const left = 1 << 20
	if err := os.WriteFile(ballast, make([]byte, int64(disk.Bavail)*disk.Bsize-left), 0o600); err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 600_000) // which no database makes smaller
	_, _ = rand.Read(noise)
	text := base64.StdEncoding.EncodeToString(noise)
	put := func(n int) error {
		return s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.PutAll(ctx, []object.Object{storetest.Widget(fmt.Sprint("small-", n), "", 1), storetest.Widget(fmt.Sprint("big-", n), "", text)})
			return err
		})
	}
	n := 0
	for ; n < 4 && err == nil; n++ {
		err = put(n)
	}
	if p := problem.From(err); p.Kind != problem.Unavailable || !strings.Contains(p.Title, "full") || len(p.Next) == 0 {
		t.Fatalf("full disk: %v", err)
	}
	if got, err := s.Count(t.Context(), object.Query{Kind: "Widget"}); err != nil || got != int64(2*(n-1)) {
		t.Fatalf("%d objects after %d whole changes, %v", got, n-1, err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := put(n); err != nil {
		t.Fatalf("after room was made: %v", err)
	}
}
