package source

import (
	"bytes"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/testenv"
)

func TestStoreOnAFullDisk(t *testing.T) {
	dir, inside := testenv.SmallDisk(t, "512k")
	if !inside {
		return
	}
	big := make([]byte, 1<<20)
	_, _ = rand.Read(big)
	snapshot, archive := snapshotOf(t, map[string]string{"a": "small", "z": string(big)})
	store, err := NewStore(filepath.Join(dir, "sources"))
	must(t, err)
	err = store.Put(t.Context(), snapshot.Digest, "user/ann", bytes.NewReader(archive))
	if !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "no space left on the disk of "+dir) {
		t.Errorf("err = %v", err)
	}
	if left := names(t, filepath.Join(dir, "sources")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	fits, archive := snapshotOf(t, map[string]string{"a": "small"})
	must(t, store.Put(t.Context(), fits.Digest, "user/ann", bytes.NewReader(archive)))
}
