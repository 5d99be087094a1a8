package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/cli"
	"github.com/stoa-platform/stoa/internal/store"
)

// A backup has its name once it was read back; one that did not arrive as it was
// made leaves the older one where it is. To standard output the exit code tells it.
func TestBackupIsVerified(t *testing.T) {
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stoa.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var whole bytes.Buffer
	if _, err := s.Backup(t.Context(), &whole); err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole.Bytes())
	flipped[len(flipped)/2] ^= 0x10
	for what, c := range map[string]struct {
		sent []byte
		exit int
	}{
		"whole":   {whole.Bytes(), cli.ExitDone},
		"cut off": {whole.Bytes()[:whole.Len()-1], cli.ExitWrong},
		"flipped": {flipped, cli.ExitWrong},
		"nothing": {nil, cli.ExitWrong},
	} {
		t.Run(what, func(t *testing.T) {
			platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/api/v1/backup" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				_, _ = w.Write(c.sent)
			}))
			defer platform.Close()
			dir := t.TempDir()
			t.Setenv("HOME", dir)
			t.Setenv("STOA_DATA", filepath.Join(dir, "no-data"))
			run := func(args ...string) (exit int, out, told string) {
				var o, e bytes.Buffer
				exit = cli.Run(context.WithoutCancel(t.Context()), append(args, "--server", platform.URL), cli.Stdio{In: strings.NewReader(""), Out: &o, Err: &e}, host{}, "dev")
				return exit, o.String(), e.String()
			}
			path := filepath.Join(dir, "stoa.backup")
			want := []byte("the older one")
			if err := os.WriteFile(path, want, 0o600); err != nil {
				t.Fatal(err)
			}
			if exit, _, told := run("backup", path, "--force"); exit != c.exit || exit != cli.ExitDone && !strings.Contains(told, "this backup cannot be used") {
				t.Errorf("exit code %d, want %d, told:\n%s", exit, c.exit, told)
			}
			if c.exit == cli.ExitDone {
				want = c.sent
			}
			if kept, _ := os.ReadFile(path); !bytes.Equal(kept, want) {
				t.Errorf("the file holds %.40q", kept)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".stoa.backup*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			exit, out, told := run("backup", "-")
			if exit != c.exit {
				t.Errorf("to standard output: exit code %d, want %d, told:\n%s", exit, c.exit, told)
			}
			if exit == cli.ExitDone && out != string(c.sent) {
				t.Error("standard output did not get what was sent")
			}
		})
	}
}
