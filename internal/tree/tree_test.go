package tree_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/tree"
)

func TestCopy(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	before := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	must(t, os.MkdirAll(filepath.Join(from, "lib", "empty"), 0o755))
	for name, mode := range map[string]fs.FileMode{"run": 0o755, "lib/code": 0o600, "fixed": 0o444} {
		must(t, os.WriteFile(filepath.Join(from, name), []byte(name), mode))
		must(t, os.Chtimes(filepath.Join(from, name), time.Time{}, before))
	}
	for name, link := range map[string]string{"beside": "lib/code", "absolute": filepath.Join(from, "lib", "code"), "away": "/etc/hosts", "itself": from} {
		must(t, os.Symlink(link, filepath.Join(from, name)))
	}
	must(t, syscall.Mkfifo(filepath.Join(from, "pipe"), 0o600))
	must(t, tree.Copy(t.Context(), from, to))
	if _, err := os.Lstat(filepath.Join(to, "pipe")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a pipe is copied: %v", err)
	}
	for name, mode := range map[string]fs.FileMode{"run": 0o755, "lib/code": 0o600, "fixed": 0o644} {
		info, err := os.Stat(filepath.Join(to, name))
		must(t, err)
		if info.Mode() != mode || !info.ModTime().Equal(before) {
			t.Errorf("%s: mode %v of %v", name, info.Mode(), info.ModTime())
		}
	}
	for name, want := range map[string]string{"beside": "lib/code", "absolute": filepath.Join(to, "lib", "code"), "away": "/etc/hosts", "itself": to} {
		if link, err := os.Readlink(filepath.Join(to, name)); err != nil || link != want {
			t.Errorf("%s leads to %s, want %s (%v)", name, link, want, err)
		}
	}
	must(t, os.WriteFile(filepath.Join(to, "run"), []byte("changed"), 0o755))
	if data, err := os.ReadFile(filepath.Join(from, "run")); err != nil || string(data) != "run" {
		t.Errorf("the original reads %q after a write to the copy (%v)", data, err)
	}
	if info, err := os.Stat(filepath.Join(to, "lib", "empty")); err != nil || !info.IsDir() {
		t.Errorf("an empty folder is not copied: %v", err)
	}
}

func TestCopyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tree.Copy(ctx, t.TempDir(), filepath.Join(t.TempDir(), "copy")); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestRemoveOfReadOnlyFolders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	must(t, os.MkdirAll(filepath.Join(dir, "module"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "module", "code"), nil, 0o444))
	must(t, os.Chmod(filepath.Join(dir, "module"), 0o555))
	must(t, tree.Remove(dir))
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
