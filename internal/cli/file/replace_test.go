package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stoa-platform/stoa/internal/cli/file"
)

// A file has its name when it is whole, and what was there before until then.
func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken off")
	if err := file.Replace(path, func(f *os.File) error { _, _ = f.WriteString("half"); return broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if raw, _ := os.ReadFile(path); string(raw) != "old" {
		t.Errorf("%q is left", raw)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("%d files are left", len(left))
	}
	if err := file.Replace(path, func(f *os.File) error { _, err := f.WriteString("new"); return err }); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
