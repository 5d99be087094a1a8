package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

func TestAppendGivesWhatWasSaid(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		at := time.Date(2025, 2, 3, 4, 5, 6, 789_000, time.UTC)
		add(t, s, "token/ci", event.Event{
			ID: "a", Source: "https://ci", Type: "com.example.built", Subject: "build/7", Time: at, Actor: "user/ann", Team: "payments",
			Service: "shop", Capability: "build", Environment: "dev", Names: []string{"user/bob"}, Extensions: map[string]string{"traceparent": "00-1"},
			Data: json.RawMessage(`{ "ok" : true }`),
		}, event.Event{Source: "/stoa/delivery", Type: "dev.stoa.release.made"})
		got, err := s.Events(t.Context(), event.Filter{})
		if err != nil || len(got) != 2 {
			t.Fatalf("events: %v, %v", got, err)
		}
		first := got[0]
		if first.Seq != 1 || first.ID != "a" || !first.Time.Equal(at) || first.Subject != "build/7" || string(first.Data) != `{"ok":true}` ||
			first.Service != "shop" || first.Extensions["traceparent"] != "00-1" || first.IDs.Service == 0 {
			t.Errorf("first event: %+v", first)
		}
		for _, name := range append(first.Names, first.Actor, first.Poster, got[1].Actor) {
			if !strings.HasPrefix(name, "p-") {
				t.Errorf("%q is no pseudonym", name)
			}
		}
		names, err := s.Persons(t.Context(), first.Actor, first.Poster, first.Names[0], "stoa/delivery", "p-nobody")
		want := map[string]string{first.Actor: "user/ann", first.Poster: "token/ci", first.Names[0]: "user/bob", "stoa/delivery": "stoa/delivery"}
		if err != nil || fmt.Sprint(names) != fmt.Sprint(want) {
			t.Errorf("persons: %v, %v; want %v", names, err, want)
		}
		if got[1].ID == "" || got[1].Time.IsZero() {
			t.Errorf("the ledger gave no id or time: %+v", got[1])
		}
	})
}

func TestAppendIsIdempotentBySourceAndID(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		first := some(3, "a")
		add(t, s, "token/ci", first...)
		changed := first[1]
		changed.Data = json.RawMessage(`{"n":99}`)
		elsewhere := first[1]
		elsewhere.Source = "https://other"
		again := first[0]
		again.Inferred = []string{"team"} // what Stoa fills in is not what was said
		got := add(t, s, "token/ci", again, changed, elsewhere, first[2], elsewhere)
		// again says less than the first event did (its team is inferred): that is a conflict.
		want := []event.Outcome{{Seq: 4, Status: event.Conflict}, {Seq: 5, Status: event.Conflict}, {Seq: 6, Status: event.Accepted},
			{Seq: 3, Status: event.Duplicate}, {Seq: 6, Status: event.Duplicate}}
		if !slices.Equal(got, want) {
			t.Fatalf("outcomes %v, want %v", got, want)
		}
		records, err := s.Events(t.Context(), event.Filter{Types: []string{event.TypeConflict}})
		if err != nil || len(records) != 2 {
			t.Fatalf("conflicts: %v, %v", records, err)
		}
		var data event.ConflictData
		if err := json.Unmarshal(records[1].Data, &data); err != nil || data.Seq != 2 || string(data.Event.Data) != `{"n":99}` || data.Event.Actor == "user/ann" {
			t.Errorf("conflict recorded as %s: %v", records[1].Data, err)
		}
		if n := count(t, s, "SELECT seq FROM ledger_head"); n != 6 {
			t.Errorf("head is %d", n)
		}
	})
}

func TestAppendWithoutTimeIsIdempotent(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		ev := event.Event{ID: "1", Source: "https://ci", Type: "x"}
		add(t, s, "token/ci", ev)
		if got := add(t, s, "token/ci", ev); got[0].Status != event.Duplicate {
			t.Errorf("the same event without a time: %v", got)
		}
	})
}

func TestFactsShareTheirTransaction(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		failed := errors.New("no")
		err := s.Write(t.Context(), "user/ann", func(_ context.Context, tx *store.Tx) error {
			tx.Append(event.Event{Source: "/stoa/x", Type: "dev.stoa.x.y", Team: "never-seen"})
			return failed
		})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		add(t, s, "user/ann", event.Event{Source: "/stoa/x", Type: "dev.stoa.x.y", Team: "seen"})
		if n := count(t, s, "SELECT count(*) FROM events"); n != 1 {
			t.Errorf("%d events", n)
		}
		if n := count(t, s, "SELECT count(*) FROM dim WHERE name = 'never-seen'"); n != 0 {
			t.Error("the name of an event that was rolled back was numbered")
		}
	})
}

func TestConcurrentAppendsLeaveNoGapAndNoDouble(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		const writers, each = 8, 25
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for i := range each {
					// Every writer also posts what its neighbour posts.
					events := append(some(1, fmt.Sprintf("w%d-%d", w, i)), some(1, fmt.Sprintf("shared-%d", i))...)
					if _, err := s.AppendEvents(t.Context(), fmt.Sprintf("user/u%d", i%3), events, nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		seen, after := 0, int64(0)
		done := make(chan struct{})
		go func() { all.Wait(); close(done) }()
		for open := true; open; { // a reader that follows sees each event once, in order
			select {
			case <-done:
				open = false
			default:
			}
			records, err := s.ReadFrom(t.Context(), after, 50)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				if r.Seq != after+1 {
					t.Fatalf("event %d follows %d", r.Seq, after)
				}
				after, seen = r.Seq, seen+1
			}
			open = open || len(records) > 0
		}
		// The sender said the same under a shared id, but for another actor only once.
		if want := count(t, s, "SELECT count(*) FROM events"); int64(seen) != want || after != want {
			t.Errorf("read %d events up to %d, the table has %d", seen, after, want)
		}
		if n := count(t, s, "SELECT count(*) FROM events e JOIN dim d ON d.id = e.type WHERE d.name <> $1", event.TypeConflict); n != writers*each+each {
			t.Errorf("%d events, want %d", n, writers*each+each)
		}
		if n := count(t, s, "SELECT count(*) FROM persons"); n != 4 { // three posters and ann
			t.Errorf("%d persons", n)
		}
	})
}

// A page ends early where payloads are large, and the next one goes on there.
func TestLargePayloadsMakeShortPages(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		const n, each = 20, 4 << 20
		for i := range n {
			ev := event.Event{ID: fmt.Sprint(i), Source: "https://a", Type: "x.a"}
			if i%2 == 1 {
				ev.Data = json.RawMessage(`"` + strings.Repeat("x", each) + `"`)
			}
			add(t, s, "user/ann", ev)
		}
		var pages, seen int
		for after := int64(0); ; pages++ {
			records, err := s.ReadFrom(t.Context(), after, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if len(records) == 0 {
				break
			}
			for _, r := range records {
				if want := seen % 2 * (each + 2); r.Erased || len(r.Data) != want {
					t.Errorf("event %d: %d bytes, erased: %t", r.Seq, len(r.Data), r.Erased)
				}
				seen++
			}
			after = records[len(records)-1].Seq
		}
		if seen != n || pages != 2 {
			t.Errorf("%d events in %d pages", seen, pages)
		}
	})
}

func TestFilterSelects(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		at := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
		add(t, s, "user/ann",
			event.Event{ID: "1", Source: "https://a", Type: "x.a.1", Subject: "s/1", Time: at(1), Team: "red", Service: "shop"},
			event.Event{ID: "2", Source: "https://a", Type: "x.a.2", Time: at(2), Team: "red", Capability: "logs"},
			event.Event{ID: "3", Source: "https://b", Type: "x.b", Time: at(3), Team: "blue", Environment: "prod"},
		)
		add(t, s, "user/bob", event.Event{ID: "4", Source: "https://a", Type: "x.a.1", Time: at(4), Team: "blue"})
		pseudonym, err := s.Pseudonym(t.Context(), "user/bob")
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			filter event.Filter
			want   string
		}{
			"all":         {event.Filter{}, "1 2 3 4"},
			"newest":      {event.Filter{Newest: true, Limit: 2}, "4 3"},
			"before":      {event.Filter{Newest: true, BeforeSeq: 3}, "2 1"},
			"after":       {event.Filter{AfterSeq: 2, Limit: 1}, "3"},
			"type":        {event.Filter{Types: []string{"x.a.2", "x.b"}}, "2 3"},
			"prefix":      {event.Filter{Types: []string{"x.a."}}, "1 2 4"},
			"no prefix":   {event.Filter{Types: []string{"x.a"}}, ""},
			"source":      {event.Filter{Source: "https://b"}, "3"},
			"subject":     {event.Filter{Subject: "s/1"}, "1"},
			"actor":       {event.Filter{Actor: "user/bob"}, "4"},
			"pseudonym":   {event.Filter{Actor: pseudonym}, "4"},
			"nobody":      {event.Filter{Actor: "user/carol"}, ""},
			"team":        {event.Filter{Team: "blue"}, "3 4"},
			"service":     {event.Filter{Service: "shop"}, "1"},
			"capability":  {event.Filter{Capability: "logs"}, "2"},
			"environment": {event.Filter{Environment: "prod"}, "3"},
			"unknown":     {event.Filter{Team: "green"}, ""},
			"window":      {event.Filter{From: at(2), To: at(4)}, "2 3"},
			"both":        {event.Filter{Team: "red", Types: []string{"x.a.1"}}, "1"},
		} {
			records, err := s.Events(t.Context(), c.filter)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			var got []string
			for _, r := range records {
				got = append(got, fmt.Sprint(r.Seq))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: %v, want %s", name, got, c.want)
			}
		}
		if _, err := s.Events(t.Context(), event.Filter{Limit: 1001}); !problem.Is(err, problem.Invalid) {
			t.Errorf("limit 1001: %v", err)
		}
	})
}

func TestErasedPersonLeavesTheProofs(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		seals := sealer(t, s)
		add(t, s, "user/ann", event.Event{ID: "1", Source: "https://a", Type: "x", Names: []string{"user/bob"}, Data: json.RawMessage(`"bob said"`)},
			event.Event{ID: "2", Source: "https://a", Type: "x", Actor: "user/bob", Data: json.RawMessage(`"kept"`)})
		before := seal(t, seals)
		pseudonym, err := s.Pseudonym(t.Context(), "user/bob")
		if err != nil || pseudonym == "" {
			t.Fatal(pseudonym, err)
		}
		if err := s.ErasePerson(t.Context(), "user/root", "user/bob", store.Traces{}); err != nil {
			t.Fatal(err)
		}
		if err := s.ErasePerson(t.Context(), "user/root", "user/bob", store.Traces{}); !problem.Is(err, problem.NotFound) {
			t.Errorf("erased twice: %v", err)
		}
		names, err := s.Persons(t.Context(), pseudonym)
		if err != nil || len(names) != 0 {
			t.Errorf("still known: %v %v", names, err)
		}
		records, err := s.Events(t.Context(), event.Filter{})
		if err != nil || !records[0].Erased || records[0].Data != nil || records[1].Erased || string(records[1].Data) != `"kept"` {
			t.Errorf("records: %+v, %v", records[:2], err)
		}
		if got := add(t, s, "user/ann", event.Event{ID: "1", Source: "https://a", Type: "x", Actor: "user/ann", Names: []string{"p-" + pseudonym[2:]}, Data: json.RawMessage(`"bob said"`)}); got[0].Status != event.Duplicate {
			t.Errorf("an erased event that comes again: %v", got)
		}
		after := seal(t, seals)
		proof, err := seals.ProveConsistency(t.Context(), before.Size, after.Size)
		if err != nil || len(proof) == 0 {
			t.Errorf("consistency: %v", err)
		}
		if report := verify(t, s, event.VerifyOptions{Pinned: before.Note}); !report.OK() || report.Erased != 1 || report.PinnedSize != before.Size {
			t.Errorf("report: %+v", report)
		}
		add(t, s, "user/bob", event.Event{Source: "/stoa/x", Type: "x"})
		if again, _ := s.Pseudonym(t.Context(), "user/bob"); again == pseudonym {
			t.Error("the erased pseudonym came back")
		}
	})
}

func TestErasePersonThemselves(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		add(t, s, "user/ann", some(1, "a")...)
		if err := s.ErasePerson(t.Context(), "user/ann", "user/ann", store.Traces{}); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, "SELECT count(*) FROM persons"); n != 0 {
			t.Errorf("%d persons are left", n)
		}
	})
}

func TestErasePayloadKeepsTheLedgersOwnRecords(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		add(t, s, "user/ann", some(5, "a")...)
		if err := s.ErasePayload(t.Context(), "stoa/retention", 4, 2, 3, 2); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, "SELECT count(*) FROM event_payload"); n != 3 { // 1, 5 and the record
			t.Errorf("%d payloads", n)
		}
		if err := s.ErasePayload(t.Context(), "stoa/retention", 6); !problem.Is(err, problem.Invalid) {
			t.Errorf("erased the record of an erasure: %v", err)
		}
		if err := s.ErasePayload(t.Context(), "stoa/retention", 700); !problem.Is(err, problem.NotFound) {
			t.Errorf("erased nothing: %v", err)
		}
		seal(t, sealer(t, s))
		if report := verify(t, s, event.VerifyOptions{}); !report.OK() || report.Erased != 3 {
			t.Errorf("report: %+v", report)
		}
	})
}
