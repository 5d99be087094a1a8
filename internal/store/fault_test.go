package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/store/storetest"
)

// The children are this test binary, run again to be killed, limited or in the
// way. They answer by lines on standard output and end with their standard input.
const childVariable = "STOA_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		if err := children[name](os.Args[1]); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var children = map[string]func(url string) error{
	"locking": lockingChild,
	"writing": writingChild,
	"limited": limitedChild,
}

type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
}

func start(t *testing.T, name, url string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0], url)}
	c.cmd.Env = append(os.Environ(), childVariable+"="+name)
	c.cmd.Stderr = os.Stderr
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill(); _ = c.cmd.Wait() })
	return c
}

func (c *child) line(t *testing.T) string {
	t.Helper()
	if !c.lines.Scan() {
		t.Fatalf("the child said nothing: %v", c.lines.Err())
	}
	return c.lines.Text()
}

// lockingChild holds the write lock until its input ends.
func lockingChild(url string) error {
	s, err := store.Open(context.Background(), url, options)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Write(context.Background(), "user/child", func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Put(ctx, storetest.Widget("child", "", 1)); err != nil {
			return err
		}
		fmt.Println("locked")
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	})
}

// TestLockedForTenSeconds has another process hold SQLite's lock for ten seconds:
// reading goes on, a writer with patience gets through, one without is told.
func TestLockedForTenSeconds(t *testing.T) {
	t.Parallel()
	url := databases["sqlite"](t)
	s := open(t, url, options)
	c := start(t, "locking", url)
	c.line(t)
	held := time.Now()
	release := time.AfterFunc(10*time.Second, func() { _ = c.stdin.Close() })
	defer release.Stop()

	impatient := func() {
		t.Helper()
		began := time.Now()
		short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		err := s.Write(short, "user/ann", func(context.Context, *store.Tx) error { return nil })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 3*time.Second {
			t.Errorf("impatient writer after %v: %v", time.Since(began), err)
		}
	}
	impatient() // waits for the lock
	done := make(chan error, 1)
	go func() {
		done <- s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Put(ctx, storetest.Widget("patient", "", 1))
			return err
		})
	}()
	if _, err := s.Get(t.Context(), "Widget", "child"); !problem.Is(err, problem.NotFound) {
		t.Errorf("reading while locked: %v", err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping while locked: %v", err)
	}
	impatient() // waits for the lock or for the patient one
	if err := <-done; err != nil {
		t.Fatalf("patient writer after %v: %v", time.Since(held), err)
	}
	if waited := time.Since(held); waited < 10*time.Second {
		t.Fatalf("the lock was held for %v only", waited)
	}
	for _, name := range []string{"child", "patient"} {
		if _, err := s.Get(t.Context(), "Widget", name); err != nil {
			t.Error(err)
		}
	}
}

// writingChild writes the same number to ten objects, again and again, each with
// an event, and says each number once it is committed.
func writingChild(url string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, url, options)
	if err != nil {
		return err
	}
	defer s.Close()
	for n := 1; ; n++ {
		err := s.Write(ctx, "user/child", func(ctx context.Context, tx *store.Tx) error {
			tx.Append(event.Event{Source: "/stoa/test", Type: "dev.stoa.test.done", ID: strconv.Itoa(os.Getpid()) + "-" + strconv.Itoa(n), Actor: "user/child", Time: tx.Now()})
			for i := range 10 {
				if _, err := tx.Put(ctx, storetest.Widget(fmt.Sprintf("w%d", i), "", []int{os.Getpid(), n})); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// TestKill kills a writing process again and again: what it said it committed is
// there, and of no transaction a half.
func TestKill(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(testing.TB) string) {
		url := address(t)
		open(t, url, options)
		committed := 0
		for round := range 5 {
			c := start(t, "writing", url)
			last := 0
			for range 3 + round*4 {
				n, err := strconv.Atoi(c.line(t))
				if err != nil {
					t.Fatal(err)
				}
				last = n
			}
			if err := c.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			for c.lines.Scan() { // what was said before the end
				if n, err := strconv.Atoi(c.lines.Text()); err == nil {
					last = n
				}
			}
			_ = c.cmd.Wait()
			committed += last

			s := open(t, url, options)
			page, err := s.List(t.Context(), object.Query{Kind: "Widget"})
			if err != nil || len(page.Items) != 10 {
				t.Fatalf("%d objects, %v", len(page.Items), err)
			}
			version := page.Items[0].Version
			if int(version) < committed || int(version) > committed+round+1 {
				t.Fatalf("version %d after %d commits that were told", version, committed)
			}
			committed = int(version)
			for _, d := range page.Items {
				if d.Version != version {
					t.Fatalf("half a transaction: versions %d and %d", d.Version, version)
				}
			}
			_, m := backup(t, s)
			if rows := m.Tables["object_history"].Rows; rows != version*10 || m.Events != version {
				t.Fatalf("%d versions in history, %d events for %d transactions", rows, m.Events, version)
			}
			if err := s.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// limitedChild writes until the system lets no file grow any more.
func limitedChild(url string) error {
	signal.Ignore(syscall.SIGXFSZ)
	ctx := context.Background()
	s, err := store.Open(ctx, url, options)
	if err != nil {
		return err
	}
	defer s.Close()
	limit := syscall.Rlimit{Cur: 4 << 20, Max: 4 << 20}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for n := 0; ; n++ {
		err := s.Write(ctx, "user/child", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Put(ctx, storetest.Widget("big", "", []any{n, strings.Repeat("x", 100_000)}))
			return err
		})
		if err == nil && n < 1000 {
			continue
		}
		_, readErr := s.Get(ctx, "Widget", "big")
		fmt.Println(n, problem.From(err).Kind, readErr)
		return nil
	}
}

func TestDiskThatGrowsNoMore(t *testing.T) {
	url := databases["sqlite"](t)
	open(t, url, options)
	var n int
	var kind, readErr string
	if _, err := fmt.Sscan(start(t, "limited", url).line(t), &n, &kind, &readErr); err != nil {
		t.Fatal(err)
	}
	if kind != string(problem.Unavailable) || readErr != "<nil>" || n < 5 {
		t.Fatalf("after %d writes: %s, then reading: %s", n, kind, readErr)
	}
	s := open(t, url, options)
	doc, err := s.Get(t.Context(), "Widget", "big")
	if err != nil || doc.Version != int64(n) {
		t.Fatalf("version %d after %d writes, %v", doc.Version, n, err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestFullDisk(t *testing.T) {
	s := open(t, databases["sqlite"](t), options)
	if _, err := s.Writer().Exec("PRAGMA max_page_count = 100"); err != nil {
		t.Fatal(err)
	}
	big := storetest.Widget("big", "", strings.Repeat("x", 900_000))
	put := func() error {
		return s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.PutAll(ctx, []object.Object{storetest.Widget("small", "", 1), big})
			return err
		})
	}
	err := put()
	if p := problem.From(err); p.Kind != problem.Unavailable || !strings.Contains(p.Title, "full") || len(p.Next) == 0 {
		t.Fatalf("full disk: %v", err)
	}
	if n, err := s.Count(t.Context(), object.Query{Kind: "Widget"}); err != nil || n != 0 {
		t.Fatalf("%d objects of half a change, %v", n, err)
	}
	if _, err := s.Writer().Exec("PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	if err := put(); err != nil {
		t.Fatalf("after room was made: %v", err)
	}
}

func TestDamagedFile(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"text": strings.Repeat("this is no database\n", 100), "short": "x"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(t.Context(), path, options); !problem.Is(err, problem.Failed) {
			t.Errorf("%s: %v", name, err)
		}
		if raw, _ := os.ReadFile(path); string(raw) != content {
			t.Errorf("%s was overwritten", name)
		}
	}
}

func TestUnreachableServer(t *testing.T) {
	for url, want := range map[string]problem.Kind{
		"postgres://stoa:hunter2@127.0.0.1:1/stoa?sslmode=disable&connect_timeout=2": problem.Unavailable,
		"postgres://stoa:hunter2@127.0.0.1:99999/stoa":                               problem.Invalid,
		"mysql://stoa@127.0.0.1/stoa":                                                problem.Invalid,
		":memory:":                                                                   problem.Invalid,
		"":                                                                           problem.Invalid,
	} {
		_, err := store.Open(t.Context(), url, options)
		if !problem.Is(err, want) {
			t.Errorf("%s: %v", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is told: %v", err)
		}
	}
}
