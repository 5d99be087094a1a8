package auth_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/problem"
)

func TestBootstrap(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		dir := filepath.Join(t.TempDir(), "data")
		start := func() string {
			t.Helper()
			path, err := b.Bootstrap(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Lstat(path)
			if err != nil || info.Mode() != 0o600 {
				t.Fatalf("mode %v, %v", info.Mode(), err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			token := strings.TrimSpace(string(content))
			if p, err := b.ByToken(t.Context(), token); err != nil || p.Name != auth.Admin || p.Platform != auth.PlatformAdmin || p.Narrowed {
				t.Fatalf("the file's token: %+v, %v", p, err)
			}
			if strings.Contains(b.log.String(), token) {
				t.Error("the token is in the log")
			}
			return token
		}
		path := filepath.Join(dir, auth.AdminTokenFile)
		first := start()
		b.pass(1000 * 24 * time.Hour)
		if again := start(); again != first {
			t.Error("a second start made another token")
		}
		for name, damage := range map[string]func() error{
			"lost":             func() error { return os.Remove(path) },
			"garbled":          func() error { return os.WriteFile(path, []byte("stoa_garbage"), 0o600) },
			"empty":            func() error { return os.WriteFile(path, nil, 0o600) },
			"readable for all": func() error { return os.Chmod(path, 0o644) },
			"a link":           func() error { os.Remove(path); return os.Symlink("/etc/hostname", path) },
		} {
			before := first
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			if first = start(); first == before {
				t.Errorf("%s: the token stayed", name)
			}
			_, err := b.ByToken(t.Context(), before)
			if !problem.Is(err, problem.Unauthenticated) {
				t.Errorf("%s: the former token still works: %v", name, err)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
		if a, err := b.store.Account(t.Context(), auth.Admin); err != nil || a.Hash != "" {
			t.Errorf("account %+v, %v", a, err)
		}
		if _, err := b.Login(t.Context(), "admin", "", "192.0.2.1"); err == nil {
			t.Error("signed in without a password")
		}
		// Another replica has a folder of its own and leaves this one's token alone.
		if _, err := b.Bootstrap(t.Context(), t.TempDir()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.ByToken(t.Context(), first); err != nil {
			t.Errorf("another replica revoked the token: %v", err)
		}
		// On the host, a forgotten password is set anew by the token, without the old one.
		p, _ := b.ByToken(t.Context(), first)
		for range 2 {
			if err := b.SetPassword(t.Context(), p, "admin", "", goodPassword); err != nil {
				t.Fatal(err)
			}
		}
		p.Token = "" // in a browser the old one is asked
		want(t, b.SetPassword(t.Context(), p, "admin", "", goodPassword), problem.Invalid)
	})
}

func TestBootstrapCannotWrite(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Bootstrap(t.Context(), file); err == nil {
		t.Error("bootstrapped into a file")
	}
}
