package event

import (
	"context"
	"testing"
	"testing/synctest"
)

// endless is a ledger of which every page is full.
type endless struct{ ProjectionStore }

func (endless) ReadFrom(_ context.Context, after int64, limit int) ([]Record, error) {
	records := make([]Record, limit)
	for i := range records {
		records[i].Seq = after + int64(i) + 1
	}
	return records, nil
}

// Who is ahead waits for who would lose a page, but not for who is far behind, nor
// for who has left, nor beyond its own context.
func TestSharedReadWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, ctx := newSharedRead(), t.Context()
		page := func(ctx context.Context, who string, after int64) chan error {
			done := make(chan error, 1)
			go func() {
				_, err := s.read(ctx, endless{}, who, after, 10)
				done <- err
			}()
			synctest.Wait()
			return done
		}
		read := func(who string, after int64) {
			t.Helper()
			select {
			case err := <-page(ctx, who, after):
				if err != nil {
					t.Error(err)
				}
			default:
				t.Errorf("%s waits for the page after %d", who, after)
			}
		}
		still := func(what string, done chan error) {
			t.Helper()
			select {
			case <-done:
				t.Errorf("%s does not wait", what)
			default:
			}
		}
		read("slow", 0)
		for after := int64(0); after <= 30; after += 10 {
			read("quick", after) // slow has its page and needs the one after 10
		}
		waits := page(ctx, "quick", 40)
		still("who is three pages ahead", waits)
		read("slow", 10)
		synctest.Wait()
		if err := <-waits; err != nil {
			t.Error(err)
		}
		brief, end := context.WithCancel(ctx)
		waits = page(brief, "quick", 50)
		still("who is three pages ahead", waits)
		end()
		if err := <-waits; err == nil {
			t.Error("it read after the end of its context")
		}
		waits = page(ctx, "quick", 50)
		still("who is three pages ahead", waits)
		s.leave("slow")
		synctest.Wait()
		if err := <-waits; err != nil {
			t.Error(err)
		}

		read("anew", 0) // far behind, reads alone
		for after := int64(60); after < 200; after += 10 {
			read("quick", after)
		}
		s.leave("anew")
		s.leave("quick")
		if len(s.kept) > 0 || len(s.needs) > 0 {
			t.Errorf("%d pages are kept for %v", len(s.kept), s.needs)
		}
	})
}

// single is a ledger to which one event at a time is added.
type single struct{ ProjectionStore }

func (single) ReadFrom(_ context.Context, after int64, _ int) ([]Record, error) {
	records := make([]Record, 1)
	records[0].Seq = after + 1
	return records, nil
}

// Short pages are waited for by nobody, however long another one takes to start.
func TestSharedReadOfFew(t *testing.T) {
	s := newSharedRead()
	s.join([]Projector{asleep{}})
	for after := range int64(10) {
		if records, err := s.read(t.Context(), single{}, "quick", after, 10); err != nil || len(records) != 1 {
			t.Fatal(records, err)
		}
	}
}

type asleep struct{ Projector }

func (asleep) Name() string { return "asleep" }
