package storetest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

const writers = 8

// together runs fn in as many goroutines as there are writers and waits for all.
func together(t *testing.T, fn func(n int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			if err := fn(n); err != nil {
				t.Errorf("writer %d: %v", n, err)
			}
		})
	}
	wg.Wait()
}

func count(o object.Object) (n int) { _ = json.Unmarshal(o.Spec, &n); return n }

func testConcurrentUpdates(t *testing.T, open Open) {
	const each = 25
	s := opened(t, open)
	put(t, s, Widget("in-tx", "", 0), Widget("by-version", "", 0))

	// Inside a transaction no update is lost and none fails, however it reads.
	together(t, func(writer int) error {
		for n := range each {
			err := s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
				read := tx.Get
				if (writer+n)%2 == 1 {
					read = func(ctx context.Context, kind, name string) (object.Document, error) {
						all, err := tx.GetAll(ctx, kind, []string{"nobody", name})
						if err == nil && len(all) != 1 {
							err = fmt.Errorf("%d objects of one", len(all))
						}
						return all[name], err
					}
				}
				doc, err := read(ctx, "Widget", "in-tx")
				if err != nil {
					return err
				}
				o, err := doc.Object()
				if err != nil {
					return err
				}
				_, err = tx.Put(ctx, Widget("in-tx", "", count(o)+1))
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if o := get(t, s, "in-tx"); count(o) != writers*each || o.Metadata.Version != writers*each+1 {
		t.Fatalf("counted %d, version %d", count(o), o.Metadata.Version)
	}

	// Across transactions a version guards: the writer is told and repeats.
	var conflicts atomic.Int64
	together(t, func(int) error {
		for done := 0; done < each; {
			doc, err := s.Get(t.Context(), "Widget", "by-version")
			if err != nil {
				return err
			}
			o, err := doc.Object()
			if err != nil {
				return err
			}
			next := Widget("by-version", "", count(o)+1)
			next.Metadata.Version = doc.Version
			err = s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Put(ctx, next)
				return err
			})
			switch {
			case err == nil:
				done++
			case problem.Is(err, problem.Conflict):
				conflicts.Add(1)
			default:
				return err
			}
		}
		return nil
	})
	if o := get(t, s, "by-version"); count(o) != writers*each {
		t.Fatalf("counted %d", count(o))
	}
	history, err := s.History(t.Context(), "Widget", "by-version", 0, 1000)
	if err != nil || len(history) != writers*each+1 {
		t.Fatalf("%d versions, %v", len(history), err)
	}
	t.Logf("%d conflicts told", conflicts.Load())
}

func testConcurrentCreation(t *testing.T, open Open) {
	s := opened(t, open)
	for round := range 20 {
		name := fmt.Sprintf("race-%d", round)
		var created, found atomic.Int64
		together(t, func(n int) error {
			var first bool
			err := s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Get(ctx, "Widget", name)
				if first = problem.Is(err, problem.NotFound); !first {
					return err
				}
				_, err = tx.Put(ctx, Widget(name, "", n))
				return err
			})
			if first {
				created.Add(1)
			} else {
				found.Add(1)
			}
			return err
		})
		if created.Load() != 1 || found.Load() != writers-1 {
			t.Fatalf("%s: %d made it, %d found it", name, created.Load(), found.Load())
		}
	}
}

// testConcurrentReading reads while others write: a reader sees all of a
// transaction or nothing.
func testConcurrentReading(t *testing.T, open Open) {
	s := opened(t, open)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			var all []object.Object
			for i := range 10 {
				all = append(all, Widget(numbered(i), "", n))
			}
			err := s.Write(ctx, "user/ann", func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.PutAll(ctx, all)
				return err
			})
			if err != nil && ctx.Err() == nil {
				t.Errorf("write: %v", err)
				return
			}
		}
	})
	for range 200 {
		page, err := s.List(ctx, object.Query{Kind: "Widget"})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Items {
			if d.Version != page.Items[0].Version || len(page.Items) != 10 {
				t.Fatalf("a reader saw half of a transaction: %d items, versions %d and %d", len(page.Items), d.Version, page.Items[0].Version)
			}
		}
	}
	stop()
	wg.Wait()
}

func testCancelled(t *testing.T, open Open) {
	s := opened(t, open)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Write(ctx, "user/ann", func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Put(ctx, Widget("half", "", 1)); err != nil {
			return err
		}
		cancel()
		_, err := tx.Put(ctx, Widget("other", "", 1))
		if err == nil {
			t.Error("a put in a cancelled context passed")
		}
		return nil // even then it cannot commit
	})
	if !errors.Is(err, context.Canceled) && !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("write: %v", err)
	}
	equal(t, "objects", names(t, s, object.Query{Kind: "Widget"}), nil)
	if _, err := s.Get(ctx, "Widget", "half"); !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v", err)
	}

	// Waiting for the writer ends with the context too.
	entered, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
			if err := tx.Lock(ctx, "busy"); err != nil {
				return err
			}
			close(entered)
			<-leave
			return nil
		})
	})
	<-entered
	short, cancelShort := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancelShort()
	err = s.Write(short, "user/ann", func(ctx context.Context, tx *store.Tx) error { return tx.Lock(ctx, "busy") })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("write that waits: %v", err)
	}
	close(leave)
	wg.Wait()
}

// testNestedRows runs a statement again while its rows are being read, which
// only SQLite can: there statements are kept compiled and must not be disturbed.
func testNestedRows(t *testing.T, open Open) {
	s := opened(t, open)
	if s.Dialect() != "sqlite" {
		return
	}
	fill(t, s, 5)
	const query = "SELECT name FROM objects WHERE kind = $1 ORDER BY name"
	write(t, s, func(ctx context.Context, tx *store.Tx) error {
		outer, err := tx.Query(ctx, query, "Widget")
		if err != nil {
			return err
		}
		defer outer.Close()
		n := 0
		for ; outer.Next(); n++ {
			var name, inner string
			if err := outer.Scan(&name); err != nil {
				return err
			}
			if err := tx.QueryRow(ctx, query, "Widget").Scan(&inner); err != nil {
				return err
			}
			if name != numbered(n) || inner != numbered(0) {
				t.Errorf("row %d: %s and %s", n, name, inner)
			}
		}
		if n != 5 {
			t.Errorf("%d rows", n)
		}
		return outer.Err()
	})
}

// testLock lets eight writers count others' objects before they add their own:
// without the lock more than the limit would get in.
func testLock(t *testing.T, open Open) {
	const limit = 5
	s := opened(t, open)
	together(t, func(n int) error {
		return s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
			if err := tx.Lock(ctx, "quota/payments"); err != nil {
				return err
			}
			page, err := tx.List(ctx, object.Query{Kind: "Widget", Owner: "payments"})
			if err != nil || len(page.Items) >= limit {
				return err
			}
			_, err = tx.Put(ctx, Widget(numbered(n), "payments", n))
			return err
		})
	})
	if found := names(t, s, object.Query{Kind: "Widget"}); len(found) != limit {
		t.Fatalf("%d got in, limit is %d", len(found), limit)
	}
}

// queue keeps jobs in a table, as a real one does.
type queue struct{ committed atomic.Int64 }

func (q *queue) Committed() { q.committed.Add(1) }

func (*queue) InsertTx(ctx context.Context, tx *sql.Tx, jobs []store.Job) error {
	for i, j := range jobs {
		if _, err := tx.ExecContext(ctx, "INSERT INTO object_labels (k, v, uid) VALUES ($1, $2, $3)", "job", j.Kind, i); err != nil {
			return err
		}
	}
	return nil
}

func testJobs(t *testing.T, open Open) {
	s := opened(t, open)
	if err := s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
		return tx.Enqueue(ctx, store.Job{Kind: "lost"})
	}); err == nil {
		t.Error("a job was taken without a queue")
	}
	q := &queue{}
	s.UseJobs(q)
	refusal := errors.New("no")
	_ = s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Enqueue(ctx, store.Job{Kind: "rolled back"}); err != nil {
			t.Error(err)
		}
		return refusal
	})
	write(t, s, func(ctx context.Context, tx *store.Tx) error {
		return tx.Enqueue(ctx, store.Job{Kind: "release"}, store.Job{Kind: "notify"})
	})
	if q.committed.Load() != 1 {
		t.Fatalf("%d commits told", q.committed.Load())
	}
	var n int
	if err := s.Reader().QueryRow("SELECT count(*) FROM object_labels WHERE k = $1", "job").Scan(&n); err != nil || n != 2 {
		t.Fatalf("%d jobs, %v", n, err)
	}
}
