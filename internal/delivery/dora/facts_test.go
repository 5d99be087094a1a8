package dora

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/event"
)

func record(kind, data string) event.Record {
	return event.Record{Seq: 7, Event: event.Event{
		Type: "dev.cdevents." + kind + ".0.3.0", Source: "https://ci.example.org", Time: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Data: json.RawMessage(data),
	}}
}

// TestOddPayloads: whatever a payload holds, its event counts.
func TestOddPayloads(t *testing.T) {
	for name, c := range map[string]struct {
		data    string
		changes int
		brings  int64
	}{
		"none":                    {"", 0, bringsCommit},
		"no object":               {`"aGVsbG8="`, 0, bringsCommit},
		"null":                    {`null`, 0, bringsCommit},
		"custom data of bytes":    {`{"customData":"aGVsbG8="}`, 0, bringsCommit},
		"a number for a commit":   {`{"customData":{"commit":7,"commitTime":"2026-03-01T00:00:00Z"}}`, 1, bringsCommit},
		"no time for a time":      {`{"customData":{"commit":"c1","commitTime":"yesterday"}}`, 1, bringsCommit},
		"a time that is none":     {`{"customData":{"commitTime":"0001-01-01T00:00:00Z"}}`, 0, bringsCommit},
		"changes of another type": {`{"customData":{"commit":"c1","changes":"c1"}}`, 1, bringsCommit},
		"changes of texts":        {`{"customData":{"commit":"c1","changes":["c1","c2"]}}`, 0, bringsList},
		"no changes":              {`{"customData":{"commit":"c1","changes":[]}}`, 0, bringsNothing},
		"changes of nothing":      {`{"customData":{"changes":null,"commit":"c1"}}`, 1, bringsCommit},
		"a change twice":          {`{"customData":{"changes":[{"commit":"c1"},{"commit":"C1"},{"time":"2026-03-01T00:00:00Z"},{}]}}`, 2, bringsList},
		"rolled back":             {`{"customData":{"cause":"rollback","commit":"c1"}}`, 0, bringsNothing},
	} {
		f := collect([]event.Record{record("service.deployed", c.data)})
		if len(f.deployments) != 1 || len(f.deployments[0].changes) != c.changes || f.deployments[0].brings != c.brings {
			t.Errorf("%s: %+v", name, f.deployments)
		}
	}
	other := collect([]event.Record{
		record("service.published", "{}"), record("change.created", "{}"), record("change.merged", "{}"), record("pipelinerun.finished", "{}"),
		record("ticket.created", "{}"), {Event: event.Event{Type: "dev.stoa.usage.recorded"}}, {Event: event.Event{Type: "dev.cdevents."}},
	})
	if !reflect.DeepEqual(other, facts{commits: map[int64]made{}}) {
		t.Errorf("of what tells nothing: %+v", other)
	}
}

func FuzzCollect(f *testing.F) {
	f.Add("service.deployed", `{"customData":{"changes":[{"commit":"c1","time":"2026-03-01T00:00:00Z"}]}}`)
	f.Add("incident.detected", `{"subject":{"id":"i1"},"customData":{"deployment":"v1"}}`)
	f.Add("change.merged", `{"subject":{"id":[]}}`)
	f.Fuzz(func(t *testing.T, kind, data string) {
		all := collect([]event.Record{record(kind, data)})
		for _, d := range all.deployments {
			for _, c := range d.changes {
				if c.key == 0 && !c.known || c.at < 0 {
					t.Errorf("change %+v", c)
				}
			}
		}
	})
}

// TestPacked: what is packed comes back.
func TestPacked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		period := rapid.Int64Range(-20, 900).Draw(t, "period")
		at := period * periodMicros
		var want []delivered
		var packed []byte
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			since := at
			at += rapid.Int64Range(0, 30*3600*1e6).Draw(t, "later")
			d := delivered{
				at: at, failed: rapid.Int64Range(0, failedIncident).Draw(t, "failed"), rework: rapid.Bool().Draw(t, "rework"), silent: rapid.Bool().Draw(t, "silent"),
				failedAt: null, recoveredAt: null, leads: rapid.SliceOfN(rapid.Int64Range(-1e15, 1e17), 0, 5).Draw(t, "leads"),
			}
			if d.failed != notFailed {
				d.failedAt = at + rapid.Int64Range(-1e12, 1e12).Draw(t, "failedAt")
				if rapid.Bool().Draw(t, "recovered") {
					d.recoveredAt = d.failedAt + rapid.Int64Range(-1e12, 1e14).Draw(t, "recoveredAt")
				}
			}
			packed = d.pack(packed, since)
			want = append(want, d)
		}
		var got []delivered
		if err := unpack(period, packed, func(d *delivered) {
			kept := *d
			kept.leads = slices.Clone(d.leads)
			if kept.leads == nil {
				kept.leads = []int64{}
			}
			got = append(got, kept)
		}); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		if n := len(packed); n > 0 {
			short := packed[:rapid.IntRange(0, n-1).Draw(t, "cut")]
			count := 0
			if err := unpack(period, short, func(*delivered) { count++ }); err == nil && count == len(want) {
				t.Fatal("a part is taken for the whole")
			}
		}
	})
}

// TestMerge: what comes later is packed as if it had been there, and where two
// are of one time nothing is decided.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		period := rapid.Int64Range(-20, 900).Draw(t, "period")
		since := [2]int64{period * periodMicros, period * periodMicros}
		var packed [2][]byte // what was there, and all
		var arrived []delivered
		last, lastArrived, tied := int64(-1), false, false
		for range rapid.IntRange(0, 12).Draw(t, "n") {
			d := delivered{at: since[1] + rapid.Int64Range(0, 3).Draw(t, "later"), failedAt: null, recoveredAt: null, leads: []int64{7}}
			arrives := rapid.Bool().Draw(t, "arrives")
			tied = tied || last == d.at && arrives != lastArrived
			if arrives {
				arrived = append(arrived, d)
			} else {
				packed[0], since[0] = d.pack(packed[0], since[0]), d.at
			}
			packed[1], since[1] = d.pack(packed[1], since[1]), d.at
			last, lastArrived = d.at, arrives
		}
		got, ok, err := merge(period, packed[0], arrived)
		if err != nil || ok == tied || ok && !slices.Equal(got, packed[1]) {
			t.Fatalf("merged to %x, %t, %v; want %x, %t", got, ok, err, packed[1], !tied)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	d := delivered{at: 5, failed: failedLinked, failedAt: 6, recoveredAt: 9, leads: []int64{1, -2}}
	f.Add(d.pack(nil, 0))
	f.Fuzz(func(_ *testing.T, packed []byte) { _ = unpack(0, packed, func(*delivered) {}) })
}
