package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/app"
	"github.com/stoa-platform/stoa/internal/cli"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// lockedFor is how long another connection holds the database.
const lockedFor = 10 * time.Second

// A backup tool or an administrator holds the database for ten seconds: what
// is written waits, what is read and served does not.
func TestDatabaseLocked(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		p := startProcess(t, "")
		testLocked(t, p, []string{"BEGIN IMMEDIATE"})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		p := startProcess(t, testenv.Postgres(t))
		testLocked(t, p, []string{"BEGIN", "LOCK TABLE objects, object_history, events IN EXCLUSIVE MODE"})
	})
}

func testLocked(t *testing.T, p *platform, lock []string) {
	p.up(t, "before", "shop", nil)
	rel := p.admit(t, p.upload(t, "during"), "shop", nil)
	unlock := p.lockDatabase(t, lock)
	applied := make(chan error, 1)
	go func() { applied <- p.team("locked-team") }()
	released := make(chan error, 1)
	go func() {
		rel, err := p.Watch(t.Context(), rel.Metadata.Name, nil, nil)
		if err == nil && rel.Status.Phase != client.PhaseSucceeded {
			err = rel.Status.Problem
		}
		released <- err
	}()
	for held := time.After(lockedFor); ; {
		select {
		case <-held:
			unlock()
			for what, done := range map[string]chan error{"the apply": applied, "the release": released} {
				if err := <-done; err != nil {
					t.Errorf("%s after the lock: %v", what, err)
				}
			}
			p.answers(t, "shop", "during")
			p.onceEach(t, p.ended(t, rel.Metadata.Name))
			if _, err := p.Get(t.Context(), "teams", "locked-team"); err != nil {
				t.Errorf("what was applied: %v", err)
			}
			p.verifyLedger(t)
			return
		case err := <-applied:
			t.Fatalf("the apply did not wait: %v", err)
		case <-time.After(500 * time.Millisecond):
			started := time.Now()
			if _, err := p.Get(t.Context(), "services", "shop"); err != nil {
				t.Errorf("reading while locked: %v", err)
			}
			if status, _, err := p.get("shop", "/"); err != nil || status != 200 {
				t.Errorf("the service while locked answers %d, %v", status, err)
			}
			if took := time.Since(started); took > 5*time.Second {
				t.Errorf("reading while locked took %v", took)
			}
		}
	}
}

// lockDatabase locks it by a connection of its own.
func (p *platform) lockDatabase(t *testing.T, statements []string) (unlock func()) {
	t.Helper()
	conn, err := p.sql(t).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		for _, statement := range statements {
			if _, err := conn.ExecContext(t.Context(), statement); err != nil {
				_, _ = conn.ExecContext(t.Context(), "ROLLBACK")
				return err
			}
		}
		return nil
	})
	return func() {
		if _, err := conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
			t.Errorf("unlock: %v", err)
		}
	}
}

// team declares a team.
func (p *platform) team(name string) error {
	doc := fmt.Sprintf("apiVersion: stoa.dev/v1\nkind: Team\nmetadata: {name: %s}\nspec: {owners: [admin]}\n", name)
	_, err := p.Apply(context.Background(), strings.NewReader(doc), "team.yaml", "", false)
	return err
}

// A full disk: a clear problem for each that asks, nothing half, and all goes
// on once there is space again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	p := startOnDisk(t, "", "160m")
	p.up(t, "before", "shop", nil)
	digest := p.upload(t, "after")
	filler := p.fillDisk(t)

	refused := 0
	for i := range 200 { // the log of the database has some space of its own
		name := fmt.Sprint("squeezed-", i)
		err := p.team(name)
		if err == nil {
			continue
		}
		refused++
		if told := problem.From(err); told.Kind != problem.Unavailable || !strings.Contains(told.Title, "disk") || len(told.Next) == 0 {
			t.Fatalf("an apply on a full disk: %v, next %v", err, told.Next)
		}
		if _, err := p.Get(t.Context(), "teams", name); !problem.Is(err, problem.NotFound) {
			t.Fatalf("the refused team is half there: %v", err)
		}
		if refused == 3 {
			break
		}
	}
	if refused == 0 {
		t.Fatal("the disk is not full")
	}
	snapshot := write(t, "too much")
	if err := os.WriteFile(filepath.Join(snapshot, "big.txt"), bytes.Repeat([]byte("fruit"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tryUpload(t, p.Client, snapshot); err == nil || problem.From(err).Kind == problem.Internal {
		t.Errorf("an upload on a full disk: %v", err)
	}
	p.answers(t, "shop", "before")

	// One that is admitted with the last bytes and cannot even say that it failed.
	if err := os.Truncate(filler, 1<<20); err != nil {
		t.Fatal(err)
	}
	rel := p.admit(t, digest, "shop", nil)
	if f, err := os.OpenFile(filler, os.O_WRONLY|os.O_APPEND, 0); err == nil {
		_ = fill(f)
		_ = f.Close()
	}
	if status, body, err := p.get("shop", "/"); err != nil || status != 200 {
		t.Errorf("the service answers %d %q (%v)", status, body, err) // whichever release it is by now
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := p.team("roomy"); err != nil {
		t.Errorf("an apply with space again: %v", err)
	}
	rel = p.ended(t, rel.Metadata.Name)
	if told := rel.Status.Problem; told != nil && (!strings.Contains(told.Error(), "disk") || len(told.Next) == 0) {
		t.Errorf("the release on a full disk failed by %v", told)
	}
	p.up(t, "after", "shop", nil)
	p.answers(t, "shop", "after")
	p.verifyLedger(t)
}

func tryUpload(t *testing.T, c *client.Client, dir string) error {
	t.Helper()
	snapshot := scan(t, dir)
	return c.Upload(t.Context(), string(snapshot.Digest), snapshot.WriteTar)
}

// fillDisk takes all the space that is left.
func (p *platform) fillDisk(t *testing.T) string {
	t.Helper()
	path := filepath.Join(p.seen(), "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := fill(f); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
	return path
}

func fill(f *os.File) error {
	for block := make([]byte, 1<<20); len(block) > 0; block = block[:len(block)/2] {
		for {
			if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
				break
			} else if err != nil {
				return err
			}
		}
	}
	return syscall.ENOSPC
}

// A port that is taken and data that another platform owns are told by the
// command, with what to do and exit code 1, and leave nothing behind.
func TestCannotStart(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := open(t, "")
	linked := filepath.Join(t.TempDir(), "linked.db")
	if err := os.Symlink(filepath.Join(p.data, "stoa.db"), linked); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		args []string
		want []string
	}{
		{"port in use", []string{"--data", t.TempDir(), "--listen", l.Addr().String()},
			[]string{"cannot listen on " + l.Addr().String(), "address already in use", "next   stoa serve --data ", " --listen 127.0.0.1:0    takes a free port"}},
		{"data in use", []string{"--data", p.data, "--listen", "127.0.0.1:0"},
			[]string{"a platform runs on " + p.data + " already", p.url, "stoa status"}},
		{"database in use, of another folder's platform", []string{"--data", t.TempDir(), "--listen", "127.0.0.1:0", "--database", filepath.Join(p.data, "stoa.db")},
			[]string{"a platform runs on " + filepath.Join(p.data, "stoa.db") + " already", "stoa serve --data OTHER"}},
		{"the same, by another way", []string{"--data", t.TempDir(), "--listen", "127.0.0.1:0", "--database", linked},
			[]string{"a platform runs on " + linked + " already"}},
		{"a file that is no database", []string{"--data", t.TempDir(), "--listen", "127.0.0.1:0", "--database", notDatabase(t)},
			[]string{"is no database", "stoa restore"}},
		{"a database that does not answer", []string{"--data", t.TempDir(), "--listen", "127.0.0.1:0", "--database", "postgres://stoa@" + closedPort(t) + "/stoa"},
			[]string{"does not answer"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out, told bytes.Buffer
			code := cli.Run(t.Context(), append([]string{"serve"}, test.args...), cli.Stdio{In: strings.NewReader(""), Out: &out, Err: &told}, host{}, "test")
			if code != cli.ExitFailed {
				t.Errorf("exit code %d, want %d", code, cli.ExitFailed)
			}
			for _, want := range test.want {
				if !strings.Contains(told.String(), want) {
					t.Errorf("it says\n%s\nwithout %q", told.String(), want)
				}
			}
		})
	}
	if _, err := p.WhoAmI(t.Context()); err != nil {
		t.Errorf("the one that runs: %v", err)
	}
}

func notDatabase(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "letter.txt")
	if err := os.WriteFile(path, []byte("Dear fruits, how are you?"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// host starts platforms for the command line, as main does.
type host struct{ cli.Host }

func (host) Open(ctx context.Context, c config.Config, log *slog.Logger) (cli.Instance, error) {
	return app.Open(ctx, c, log)
}
