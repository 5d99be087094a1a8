package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/store/storetest"
)

var options = store.Options{Fields: storetest.Fields}

// filled opens a store with objects, deleted ones, hostile text and events.
func filled(t testing.TB, url string) *store.Store {
	t.Helper()
	s := open(t, url, options)
	odd := storetest.Widget("odd", "payments", map[string]string{"colour": "a\x00b \u2028 <&> \\ \" 👩‍👩‍👧 \U0010ffff"})
	odd.Metadata.Title = "Zürich 東京"
	err := s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.PutAll(ctx, append(storetest.Services(300), odd)); err != nil {
			return err
		}
		tx.Append(
			event.Event{Source: "/stoa/test", Type: "dev.stoa.test.done", Actor: "user/ann", Time: tx.Now(), Subject: "widget/odd", Data: json.RawMessage(`{"n":1}`)},
			event.Event{Source: "/stoa/test", Type: "dev.stoa.test.done", Actor: "user/bob", Time: tx.Now()},
		)
		return tx.Delete(ctx, "Widget", "w00007")
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func backup(t testing.TB, s *store.Store) ([]byte, store.Manifest) {
	t.Helper()
	var b bytes.Buffer
	m, err := s.Backup(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), m
}

func TestBackupRestore(t *testing.T) {
	onBoth(t, func(t *testing.T, source func(testing.TB) string) {
		s := filled(t, source(t))
		packed, m := backup(t, s)
		if m.Tables["objects"].Rows != 300 || m.Tables["object_history"].Rows != 302 || m.Events != 2 {
			t.Fatalf("manifest %+v", m)
		}
		verified, err := store.VerifyBackup(t.Context(), bytes.NewReader(packed))
		if err != nil || fmt.Sprint(verified.Tables) != fmt.Sprint(m.Tables) {
			t.Fatalf("verify: %+v, %v", verified, err)
		}
		onBoth(t, func(t *testing.T, target func(testing.TB) string) {
			url := target(t)
			if _, err := store.Restore(t.Context(), bytes.NewReader(packed), url, options); err != nil {
				t.Fatal(err)
			}
			r := open(t, url, options)
			if _, again := backup(t, r); fmt.Sprint(again.Tables) != fmt.Sprint(m.Tables) {
				t.Fatalf("the restored database holds\n%v, the backup\n%v", again.Tables, m.Tables)
			}
			sameAnswers(t, s, r)
			// Life goes on in it.
			err := r.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
				tx.Append(event.Event{Source: "/stoa/test", Type: "dev.stoa.test.done", Actor: "user/ann", Time: tx.Now()})
				result, err := tx.PutResult(ctx, storetest.Widget("w00007", "", 1))
				if err == nil && result.Document.Version != 3 {
					t.Errorf("the history of a deleted name starts again: version %d", result.Document.Version)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	})
}

// A restored server has its tables in order at once; what the server does by
// itself, later, stands in other columns.
func TestRestoredTablesAreInOrder(t *testing.T) {
	packed, _ := backup(t, filled(t, databases["sqlite"](t)))
	url := databases["postgres"](t)
	if _, err := store.Restore(t.Context(), bytes.NewReader(packed), url, options); err != nil {
		t.Fatal(err)
	}
	s := open(t, url, options)
	done := false
	for began := time.Now(); !done && time.Since(began) < 20*time.Second; <-time.After(5 * time.Millisecond) { // statistics come a little late
		const query = "SELECT last_vacuum IS NOT NULL AND last_analyze IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'objects'"
		if err := s.QueryRow(t.Context(), query).Scan(&done); err != nil {
			t.Fatal(err)
		}
	}
	if !done {
		t.Error("the objects were not vacuumed and analyzed")
	}
}

func sameAnswers(t *testing.T, a, b *store.Store) {
	t.Helper()
	for _, q := range []object.Query{
		{Kind: "Widget", Limit: 1000}, {Kind: "Widget", Newest: true}, {Kind: "Widget", Search: "payments"}, {Kind: "Widget", Search: "zurich"},
		{Kind: "Widget", Labels: map[string]string{"tier": "t1"}}, {Kind: "Widget", Fields: map[string]string{"spec.colour": "c3"}},
	} {
		x, errX := a.List(t.Context(), q)
		y, errY := b.List(t.Context(), q)
		if errX != nil || errY != nil || len(x.Items) == 0 || fmt.Sprint(x) != fmt.Sprint(y) {
			t.Fatalf("%+v: %d and %d items, %v, %v", q, len(x.Items), len(y.Items), errX, errY)
		}
	}
	x, errX := a.History(t.Context(), "Widget", "w00007", 0, 0)
	y, errY := b.History(t.Context(), "Widget", "w00007", 0, 0)
	if errX != nil || errY != nil || len(x) != 2 || fmt.Sprint(x) != fmt.Sprint(y) {
		t.Fatalf("history: %v and %v, %v, %v", x, y, errX, errY)
	}
}

// TestBackupWhileWriting backs up a store in which every transaction writes the
// same number to ten objects: all must be of one moment.
func TestBackupWhileWriting(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(testing.TB) string) {
		s := open(t, address(t), options)
		ctx, stop := context.WithCancel(t.Context())
		started := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				var all []object.Object
				for i := range 10 {
					all = append(all, storetest.Widget(fmt.Sprintf("w%d", i), "", n))
				}
				err := s.Write(ctx, "user/ann", func(ctx context.Context, tx *store.Tx) error { _, err := tx.PutAll(ctx, all); return err })
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				if n == 3 {
					close(started)
				}
			}
		})
		<-started
		for range 3 {
			_, m := backup(t, s)
			if n := m.Tables["object_history"].Rows; m.Tables["objects"].Rows != 10 || n%10 != 0 {
				t.Errorf("a backup of half a transaction: %d objects, %d versions", m.Tables["objects"].Rows, n)
			}
		}
		stop()
		wg.Wait()
	})
}

func unpack(t testing.TB, packed []byte) []string {
	t.Helper()
	r, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(text), "\n")+"\n", "\n")[:strings.Count(string(text), "\n")]
}

func pack(t testing.TB, lines []string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, strings.Join(lines, ""))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestDamagedBackup changes a backup in every way and expects to be told, and
// the target to stay as empty as it was.
func TestDamagedBackup(t *testing.T) {
	packed, _ := backup(t, filled(t, databases["sqlite"](t)))
	lines := unpack(t, packed)
	row := 0
	for i, l := range lines {
		if strings.HasPrefix(l, `[`) && strings.Contains(l, "Widget") {
			row = i
		}
	}
	edit := func(change func(l []string) []string) []byte { return pack(t, change(append([]string(nil), lines...))) }
	damaged := map[string][]byte{
		"empty":          nil,
		"no backup":      []byte("hello"),
		"other archive":  pack(t, []string{"hello\n"}),
		"header only":    pack(t, lines[:1]),
		"cut head":       packed[:40],
		"cut stream":     packed[:len(packed)/2],
		"cut end":        packed[:len(packed)-1],
		"no last line":   pack(t, lines[:len(lines)-1]),
		"changed row":    edit(func(l []string) []string { l[row] = strings.Replace(l[row], "Widget", "Gadget", 1); return l }),
		"missing row":    edit(func(l []string) []string { return append(l[:row], l[row+1:]...) }),
		"doubled row":    edit(func(l []string) []string { return append(l[:row], append([]string{l[row]}, l[row:]...)...) }),
		"swapped rows":   edit(func(l []string) []string { l[row], l[row-1] = l[row-1], l[row]; return l }),
		"changed header": edit(func(l []string) []string { l[0] = strings.Replace(l[0], `"events":2`, `"events":3`, 1); return l }),
		"missing table":  edit(withoutTable),
		"more behind":    edit(func(l []string) []string { return append(l, "[1]\n") }),
		"newer format":   edit(func(l []string) []string { l[0] = strings.Replace(l[0], `"version":1`, `"version":2`, 1); return l }),
		"newer schema": edit(func(l []string) []string {
			l[0] = strings.Replace(l[0], `"schema":`, `"schema":9`, 1)
			return reseal(l)
		}),
		"forged row": edit(func(l []string) []string {
			l[0] = strings.Replace(l[0], `"dialect":"`, `"dialect":"x`, 1)
			l[row] = "[1]\n"
			return reseal(l)
		}),
		"no row at all": edit(func(l []string) []string { l[row] = "what\n"; return l }),
		"flipped bit":   flip(packed),
	}
	says := map[string]string{
		"empty": "it is empty", "no backup": "does not begin like one", "other archive": "does not begin like one",
		"header only": "cut off: it ends in line 2", "cut head": "cut off within its first line", "cut stream": "cut off", "no last line": "cut off",
	}
	for what, raw := range damaged {
		t.Run(what, func(t *testing.T) {
			if _, err := store.VerifyBackup(t.Context(), bytes.NewReader(raw)); err == nil && says[what] != "" || err != nil && !strings.Contains(err.Error(), says[what]) {
				t.Errorf("told %v, want %q", err, says[what])
			}
			if what != "newer schema" { // its digests are right, only this stoa cannot use it
				if _, err := store.VerifyBackup(t.Context(), bytes.NewReader(raw)); !problem.Is(err, problem.Invalid) {
					t.Errorf("verify: %v", err)
				}
			}
			dir := t.TempDir()
			_, err := store.Restore(t.Context(), bytes.NewReader(raw), filepath.Join(dir, "new.db"), options)
			if !problem.Is(err, problem.Invalid) && !problem.Is(err, problem.Failed) {
				t.Errorf("restore: %v", err)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("a failed restoration left %v", left)
			}
		})
	}
	t.Run("postgres", func(t *testing.T) {
		url := databases["postgres"](t)
		for _, what := range []string{"cut stream", "changed row", "missing table"} {
			if _, err := store.Restore(t.Context(), bytes.NewReader(damaged[what]), url, options); err == nil {
				t.Errorf("%s was restored", what)
			}
		}
		// It is empty still: the right one fits in.
		if _, err := store.Restore(t.Context(), bytes.NewReader(packed), url, options); err != nil {
			t.Errorf("restore after failures: %v", err)
		}
	})
}

// reseal makes the last digest fit changed lines.
func reseal(lines []string) []string {
	last := len(lines) - 1
	sum := sha256.Sum256([]byte(strings.Join(lines[:last], "")))
	at := strings.LastIndex(lines[last], `"sha256":"`) + len(`"sha256":"`)
	lines[last] = lines[last][:at] + hex.EncodeToString(sum[:]) + lines[last][at+64:]
	return lines
}

func flip(raw []byte) []byte {
	flipped := bytes.Clone(raw)
	flipped[len(flipped)/2] ^= 0x10
	return flipped
}

func withoutTable(lines []string) (kept []string) {
	skip := false
	for _, l := range lines {
		if strings.HasPrefix(l, "{") {
			skip = strings.HasPrefix(l, `{"table":"object_history"`)
		}
		if !skip {
			kept = append(kept, l)
		}
	}
	return kept
}

func TestRestoreRefusesUsedDatabase(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(testing.TB) string) {
		url := address(t)
		s := filled(t, url)
		packed, before := backup(t, s)
		if _, err := store.Restore(t.Context(), bytes.NewReader(packed), url, options); !problem.Is(err, problem.Conflict) {
			t.Errorf("restore over a used database: %v", err)
		}
		if _, after := backup(t, s); fmt.Sprint(after.Tables) != fmt.Sprint(before.Tables) {
			t.Error("the refused restoration changed the database")
		}
	})
}

// failingWriter fails after some bytes, as a full disk does.
type failingWriter struct{ left int }

var errFull = errors.New("no space left on device")

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestBackupToFullDisk(t *testing.T) {
	s := filled(t, databases["sqlite"](t))
	for _, left := range []int{0, 100, 5000} {
		if _, err := s.Backup(t.Context(), &failingWriter{left}); !errors.Is(err, errFull) {
			t.Errorf("after %d bytes: %v", left, err)
		}
	}
}

func FuzzVerifyBackup(f *testing.F) {
	packed, _ := backup(f, filled(f, filepath.Join(f.TempDir(), "stoa.db")))
	f.Add([]byte(strings.Join(unpack(f, packed)[:20], "")))
	f.Add([]byte(`{"format":"stoa-backup","version":1}` + "\n" + `{"end":{},"sha256":""}` + "\n"))
	f.Add([]byte("[\n{\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := store.VerifyBackup(t.Context(), bytes.NewReader(pack(t, []string{string(text)})))
		if err != nil && !problem.Is(err, problem.Invalid) {
			t.Errorf("%v", err)
		}
	})
}

// A summary that is made anew while a backup is read is in the backup as it was:
// without that, a restored one would be empty and think itself whole.
func TestBackupWhileASummaryIsEmptied(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(testing.TB) string) {
		s := open(t, address(t), options)
		exec := func(do func(ctx context.Context, tx *store.Tx) error) {
			t.Helper()
			if err := s.Write(t.Context(), "user/ann", do); err != nil {
				t.Fatal(err)
			}
		}
		exec(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO usage_day (kind, day, team, n) VALUES (1, 2, 3, 4)")
			if err == nil { // a table before it that is more than the writer keeps back
				_, err = tx.Exec(ctx, `INSERT INTO actor_month (month, actor, kind, team, days)
					WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i, (i * 7919) % 99991, 1, 1, i FROM n`)
			}
			return err
		})
		empty := func(ctx context.Context, tx *store.Tx) error { return tx.Empty(ctx, "usage_day") }
		var packed bytes.Buffer
		emptied := false
		m, err := s.Backup(t.Context(), &once{to: &packed, do: func() { exec(empty); emptied = true }})
		if !emptied || err != nil || m.Tables["usage_day"].Rows != 1 {
			t.Errorf("the backup has %d rows of one (%v)", m.Tables["usage_day"].Rows, err)
		}
		exec(empty)
		if _, after := backup(t, s); after.Tables["usage_day"].Rows != 0 {
			t.Error("the table was not emptied")
		}
	})
}

// once does something before the first byte is written.
type once struct {
	to io.Writer
	do func()
}

func (o *once) Write(b []byte) (int, error) {
	if o.do != nil {
		o.do()
		o.do = nil
	}
	return o.to.Write(b)
}
