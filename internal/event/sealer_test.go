package event_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/event/merkle"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

func TestSealedEventsAreProvable(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		seals := sealer(t, s)
		if c := seal(t, seals); c.Size != 0 {
			t.Fatalf("an empty ledger has a checkpoint: %+v", c)
		}
		var all []event.Checkpoint
		for _, n := range []int{1, 2, 5, 250, 300, 1, 700} {
			add(t, s, "user/ann", some(n, string(rune('a'+len(all))))...)
			all = append(all, seal(t, seals))
		}
		latest := all[len(all)-1]
		leaves, err := s.Leaves(t.Context(), 0, 10_000)
		if err != nil || int64(len(leaves)) != latest.Size {
			t.Fatal(len(leaves), err)
		}
		for _, seq := range []int64{1, 2, 256, 257, 512, 513, 900, latest.Size} {
			proof, c, err := seals.ProveInclusion(t.Context(), seq)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckRecord(proof, c.Size, c.Hash, seq-1, leaves[seq-1]); err != nil {
				t.Errorf("event %d: %v", seq, err)
			}
			if err := tlog.CheckRecord(proof, c.Size, c.Hash, seq-1, leaves[seq%latest.Size]); err == nil {
				t.Errorf("event %d: the proof proves another event too", seq)
			}
		}
		for i, older := range all {
			if at, err := seals.At(t.Context(), older.Size); err != nil || at.Note != older.Note {
				t.Errorf("checkpoint of %d: %v", older.Size, err)
			}
			for _, newer := range all[i:] {
				proof, err := seals.ProveConsistency(t.Context(), older.Size, newer.Size)
				if err != nil {
					t.Fatal(err)
				}
				if err := tlog.CheckTree(proof, newer.Size, newer.Hash, older.Size, older.Hash); err != nil {
					t.Errorf("%d to %d: %v", older.Size, newer.Size, err)
				}
			}
		}
		add(t, s, "user/ann", some(1, "z")...)
		if _, _, err := seals.ProveInclusion(t.Context(), latest.Size+1); !problem.Is(err, problem.NotFound) {
			t.Errorf("an unsealed event: %v", err)
		}
		if _, err := seals.At(t.Context(), 4); !problem.Is(err, problem.NotFound) {
			t.Errorf("no such checkpoint: %v", err)
		}
		if _, err := seals.ProveConsistency(t.Context(), 1, latest.Size+1); !problem.Is(err, problem.Invalid) {
			t.Errorf("beyond the end: %v", err)
		}
	})
}

func TestManySealersMakeOneHistory(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		s := open(t, url, nil)
		replica := open(t, url, nil)
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, each := range []*store.Store{s, s, replica} {
			seals := event.NewSealer(each, key(t, each), event.SealerOptions{Every: time.Millisecond})
			all.Go(func() { seals.Run(ctx) })
		}
		for i := range 30 {
			add(t, s, "user/ann", some(i%7+1, string(rune('a'+i%26))+string(rune('a'+i/26)))...)
		}
		head := count(t, s, "SELECT seq FROM ledger_head")
		await(t, func() bool {
			c, err := sealer(t, s).Latest(t.Context())
			return err == nil && c.Size == head
		})
		stop()
		all.Wait()
		if report := verify(t, s, event.VerifyOptions{}); !report.OK() || report.Sealed != head {
			t.Errorf("report: %+v", report)
		}
	})
}

// await polls until the condition holds.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to hold in 30 s")
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// dying loses the store at a seal: before it is written, or after but before
// the sealer hears of it.
type dying struct {
	*store.Store
	after bool
}

var errKilled = errors.New("killed")

func (d dying) Seal(ctx context.Context, c event.Checkpoint, tiles []merkle.Tile) (bool, error) {
	if d.after {
		if _, err := d.Store.Seal(ctx, c, tiles); err != nil {
			return false, err
		}
	}
	return false, errKilled
}

func TestSealingGoesOnAfterAKill(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		for round := range 4 {
			add(t, s, "user/ann", some(130, string(rune('a'+round)))...)
			killed := event.NewSealer(dying{s, round%2 == 0}, key(t, s), event.SealerOptions{})
			if _, err := killed.Seal(t.Context()); !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
		}
		seal(t, sealer(t, s))
		if report := verify(t, s, event.VerifyOptions{}); !report.OK() || report.Unsealed != 0 {
			t.Errorf("report: %+v", report)
		}
	})
}

func TestSealerRefusesADamagedTree(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		add(t, s, "user/ann", some(5, "a")...)
		seal(t, sealer(t, s))
		exec(t, s, "UPDATE tiles SET data = (SELECT payload_hash FROM events WHERE seq = 1)")
		add(t, s, "user/ann", some(5, "b")...)
		if _, err := sealer(t, s).Seal(t.Context()); err == nil {
			t.Error("signed a tree that is not the one signed before")
		}
		if n := count(t, s, "SELECT count(*) FROM checkpoints"); n != 1 {
			t.Errorf("%d checkpoints", n)
		}
	})
}

func TestSealerTellsOfAGap(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		add(t, s, "user/ann", some(5, "a")...)
		exec(t, s, "DELETE FROM events WHERE seq = 3")
		if _, err := sealer(t, s).Seal(t.Context()); !problem.Is(err, problem.Failed) {
			t.Errorf("sealed over a gap: %v", err)
		}
	})
}

func TestLedgerKeyIsMadeOnce(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		var mu sync.Mutex
		keys := map[string]bool{}
		var all sync.WaitGroup
		for range 4 {
			s := open(t, url, nil)
			all.Go(func() {
				k, err := s.LedgerKey(t.Context(), "Our platform + more")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				keys[k.Public+k.Name] = true
			})
		}
		all.Wait()
		if len(keys) != 1 {
			t.Errorf("%d keys", len(keys))
		}
	})
}

// platform is a ledger as a client sees it.
type platform struct{ *event.Sealer }

func (p platform) LatestCheckpoint(ctx context.Context) (string, string, error) {
	c, err := p.Latest(ctx)
	return c.Note, p.PublicKey(), err
}

// shows shows a checkpoint of another ledger under the same key.
type shows struct {
	platform
	signed string
}

func (s shows) LatestCheckpoint(context.Context) (string, string, error) {
	return s.signed, s.PublicKey(), nil
}

func TestPinDemandsConsistency(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "stoa.db"), nil)
	honest := platform{sealer(t, s)}
	pin := event.Pin{Path: filepath.Join(t.TempDir(), "pins", "stoa.json")}
	check := func(w event.Witnessed) error {
		_, err := pin.Check(t.Context(), w)
		return err
	}
	if err := check(honest); err != nil {
		t.Fatalf("nothing sealed yet: %v", err)
	}
	for i := range 3 {
		add(t, s, "user/ann", some(200, string(rune('a'+i)))...)
		seal(t, honest.Sealer)
		for range 2 {
			if err := check(honest); err != nil {
				t.Fatal(err)
			}
		}
	}
	pinnedNow, _, err := pin.Read()
	if err != nil || pinnedNow.Size != 600 {
		t.Fatal(pinnedNow, err)
	}

	other := open(t, filepath.Join(t.TempDir(), "other.db"), nil)
	exec(t, other, "INSERT INTO ledger_key (one, private) VALUES (1, $1)", key(t, s).Private)
	forged := platform{sealer(t, other)}
	var fork *event.ForkError
	for _, n := range []int{500, 100, 100} { // shorter, as long, longer
		add(t, other, "user/ann", some(n, "x"+string(rune('a'+n/100))+string(rune('0'+count(t, other, "SELECT seq FROM ledger_head")/100)))...)
		seal(t, forged.Sealer)
		if err := check(forged); !errors.As(err, &fork) || fork.Pinned != pinnedNow.Note || fork.Seen == "" {
			t.Errorf("another history: %v", err)
		}
	}
	// A stranger's key, nothing at all, and a checkpoint that is not of this tree.
	stranger := open(t, filepath.Join(t.TempDir(), "stranger.db"), nil)
	add(t, stranger, "user/ann", some(700, "s")...)
	strange := platform{sealer(t, stranger)}
	seal(t, strange.Sealer)
	if err := check(strange); !errors.As(err, &fork) {
		t.Errorf("another key: %v", err)
	}
	if err := check(shows{honest, ""}); !errors.As(err, &fork) {
		t.Errorf("nothing shown: %v", err)
	}
	latest, err := forged.Latest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, "user/ann", some(200, "d")...)
	seal(t, honest.Sealer)
	if err := check(shows{honest, latest.Note}); !errors.As(err, &fork) {
		t.Errorf("a proof of another tree: %v", err)
	}
	if err := check(honest); err != nil {
		t.Errorf("the honest platform after all that: %v", err)
	}
}
