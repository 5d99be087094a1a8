package dora_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// drawHistory makes a history of a few services in which much happens at once,
// names are used twice, and references may point nowhere.
func drawHistory(t *rapid.T) []said {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	all := make([]said, rapid.IntRange(1, 40).Draw(t, "n"))
	for i := range all {
		e := said{
			id: "e" + strconv.Itoa(i), at: hours(float64(rapid.IntRange(0, 60).Draw(t, "at"))), team: pick("team", "", "red", "blue"),
			service: pick("service", "shop", "shop", "mail", ""), environment: pick("environment", "prod", "prod", "dev", ""),
			source: pick("source", "https://a.example.org", "https://b.example.org"), path: rapid.Bool().Draw(t, "path"), custom: map[string]any{},
		}
		if rapid.IntRange(0, 9).Draw(t, "far") == 0 { // another period
			e.at = e.at.AddDate(0, 0, rapid.IntRange(-90, 90).Draw(t, "days"))
		}
		e.kind = pick("kind", "service.deployed", "service.upgraded", "service.upgraded", "service.rolledback", "incident.detected", "incident.reported",
			"incident.resolved", "change.merged", "pipelinerun.finished")
		name := func(label string) string {
			return pick(label, "v1", "v2", "v3", "inc1", "inc2", "e1", "e2", "e3", "nothing")
		}
		switch e.kind {
		case "change.merged":
			e.subject = pick("commit", "c1", "c2", "c3")
		case "pipelinerun.finished":
			e.content = map[string]any{"outcome": pick("outcome", "failure", "error", "success", "")}
		case "incident.detected", "incident.reported", "incident.resolved":
			e.subject = pick("incident", "inc1", "inc2", "inc3")
			if rapid.IntRange(0, 3).Draw(t, "explicit") == 0 {
				e.custom["deployment"] = name("deployment")
			}
		default:
			e.subject = e.service
			e.custom["release"] = pick("release", "v1", "v2", "v3", "v4", "")
			e.custom["cause"] = pick("cause", "", "", "", "deploy", "promote", "hotfix", "rollback")
			e.custom["commit"] = pick("commit", "c1", "c2", "c3", "c4", "")
			if rapid.IntRange(0, 5).Draw(t, "fixes") == 0 {
				e.custom["fixes"] = name("fixed")
			}
			if rapid.Bool().Draw(t, "timed") {
				e.custom["commitTime"] = hours(float64(rapid.IntRange(-40, 70).Draw(t, "made"))).Format(time.RFC3339)
			}
			if rapid.IntRange(0, 4).Draw(t, "listed") == 0 {
				list := []map[string]string{}
				for n := range rapid.IntRange(0, 3).Draw(t, "changes") {
					list = append(list, map[string]string{"commit": "c" + strconv.Itoa(n+1), "time": rapid.SampledFrom([]string{"",
						hours(float64(rapid.IntRange(-40, 60).Draw(t, "made"))).Format(time.RFC3339)}).Draw(t, "time")})
				}
				e.custom["changes"] = list
			}
		}
		all[i] = e
	}
	return all
}

// ids gives the ids of the ledger's events by their sequences.
func ids(t fataler, s *store.Store) map[int64]string {
	all := map[int64]string{0: "-"}
	for after := int64(0); ; {
		records, err := s.Events(context.Background(), event.Filter{AfterSeq: after, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			return all
		}
		for _, r := range records {
			all[r.Seq], after = r.ID, r.Seq
		}
	}
}

func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// told gives what the tables say of deployments and incidents by the names of
// events, and expected what the direct computation says.
func told(t fataler, s *store.Store) []string {
	names := ids(t, s)
	var all []string
	read := func(query string, line func(scan func(...any))) {
		found, err := s.Query(context.Background(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer found.Close()
		for found.Next() {
			line(func(into ...any) {
				if err := found.Scan(into...); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
	read("SELECT seq, failed, failed_at, recovered_at, repeated, mends, named FROM deployments", func(scan func(...any)) {
		var seq, mends int64
		var failed, repeated, named int
		var failedAt, recoveredAt any
		scan(&seq, &failed, &failedAt, &recoveredAt, &repeated, &mends, &named)
		all = append(all, fmt.Sprintln(names[seq], failed, failedAt, recoveredAt, repeated == 1, names[mends], named == 1))
	})
	read(`SELECT i.seq, i.started, i.resolved, l.deployment, l.named FROM incidents i LEFT JOIN incident_links l ON l.incident = i.incident`, func(scan func(...any)) {
		var seq int64
		var started, resolved any
		var deployment, named *int64
		scan(&seq, &started, &resolved, &deployment, &named)
		line := fmt.Sprintln(names[seq], started, resolved)
		if deployment != nil {
			line = fmt.Sprintln(names[seq], started, resolved, names[*deployment], *named == 1)
		}
		all = append(all, line)
	})
	read("SELECT c.deployment, d.at - c.at FROM changes c JOIN deployments d ON d.seq = c.deployment WHERE c.at IS NOT NULL AND d.brings <> 0 AND d.repeated = 0",
		func(scan func(...any)) {
			var seq, lead int64
			scan(&seq, &lead)
			all = append(all, fmt.Sprintln(names[seq], "took", time.Duration(lead)*time.Microsecond))
		})
	slices.Sort(all)
	return all
}

func expected(history []said) []string {
	deployments, incidents := naive(history)
	var all []string
	for _, d := range deployments {
		mends := "-"
		if d.mends != nil {
			mends = d.mends.id
		}
		all = append(all, fmt.Sprintln(d.id, d.failed, micros(d.failedAt), micros(d.recoveredAt), d.repeated, mends, d.named))
		for _, lead := range d.leads {
			all = append(all, fmt.Sprintln(d.id, "took", lead))
		}
	}
	for _, i := range incidents {
		if len(i.links) == 0 {
			all = append(all, fmt.Sprintln(i.facts[0].id, micros(i.started), micros(i.resolved)))
		}
		for _, d := range i.links {
			all = append(all, fmt.Sprintln(i.facts[0].id, micros(i.started), micros(i.resolved), d.id, i.named))
		}
	}
	slices.Sort(all)
	return all
}

// fresh gives a store with nothing in the tables and nothing in memory.
func fresh(t *rapid.T, url string) *store.Store {
	reopen := func() *store.Store {
		s, err := store.Open(context.Background(), url, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := reopen()
	statements(t, s, "DELETE FROM events", "DELETE FROM event_key", "DELETE FROM event_payload", "DELETE FROM dim", "DELETE FROM persons", "DELETE FROM projections",
		"UPDATE ledger_head SET seq = 0, dims = 0")
	_ = s.Close()
	return reopen()
}

// TestRebuildEqualsIncremental: in whatever order and batches events come, some
// of them twice, the tables say what a direct computation over all of them
// says, and a rebuild gives the same rows.
func TestRebuildEqualsIncremental(t *testing.T) {
	for name, url := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "stoa.db"), "postgres": ""} {
		t.Run(name, func(t *testing.T) {
			if url == "" {
				url = testenv.Postgres(t)
			}
			rapid.Check(t, func(t *rapid.T) {
				history := drawHistory(t)
				arriving := slices.Concat(history, history[:rapid.IntRange(0, len(history)).Draw(t, "twice")])
				var all []event.Event
				for _, e := range rapid.Permutation(arriving).Draw(t, "order") {
					all = append(all, e.event(t))
				}
				s := fresh(t, url)
				defer s.Close()
				for rest := all; len(rest) > 0; {
					n := rapid.IntRange(1, len(rest)).Draw(t, "appended")
					add(t, s, rest[:n]...)
					project(t, s, rapid.IntRange(1, 20).Draw(t, "batch"))
					rest = rest[n:]
				}
				incremental := tables(t, s)
				if got, want := told(t, s), expected(history); !slices.Equal(got, want) {
					t.Fatalf("got  %q\nwant %q", got, want)
				}
				statements(t, s, "DELETE FROM projections")
				project(t, s, rapid.IntRange(1, 100).Draw(t, "rebuild"))
				if got := tables(t, s); !slices.Equal(got, incremental) {
					t.Fatalf("rebuilt     %q\nincremental %q", got, incremental)
				}
			})
		})
	}
}
