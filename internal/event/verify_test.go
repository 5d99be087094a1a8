package event_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
)

func export(t testing.TB, s *store.Store) []byte {
	t.Helper()
	var out bytes.Buffer
	err := s.Snapshot(t.Context(), func(ctx context.Context, snap event.Snapshot) error {
		return event.Export(ctx, snap, key(t, s), time.Now(), &out)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// verify exports and verifies; the key is always given.
func verify(t testing.TB, s *store.Store, o event.VerifyOptions) event.Report {
	t.Helper()
	o.PublicKey = key(t, s).Public
	report, err := event.Verify(bytes.NewReader(export(t, s)), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// history fills a ledger with a bit of everything: 300 events and a dozen of
// the ledger's own, sealed at several sizes.
func history(t testing.TB, s *store.Store) {
	t.Helper()
	seals := sealer(t, s)
	ingest := event.NewIngester(s, event.IngestOptions{})
	if _, err := ingest.Ingest(t.Context(), event.Poster{Name: "token/ci", Teams: []string{"payments"}}, func() []event.Event {
		events := some(40, "ci")
		for i := range events {
			events[i].Actor = ""
		}
		return events
	}()); err != nil {
		t.Fatal(err)
	}
	seal(t, seals)
	add(t, s, "user/ann", some(100, "a")...)
	add(t, s, "user/ann", event.Event{ID: "a-3", Source: "https://ci.example.org/a", Type: "other"})
	seal(t, seals)
	if err := s.ErasePayload(t.Context(), "user/root", 5, 6, 7, 20); err != nil {
		t.Fatal(err)
	}
	add(t, s, "user/bob", some(200, "b")...)
	add(t, s, "user/bob", event.Event{Source: "/stoa/x", Type: "dev.stoa.x.y"}) // no payload, no dimensions
	seal(t, seals)
}

func TestVerifyAcceptsAnHonestLedger(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		if report := verify(t, s, event.VerifyOptions{}); !report.OK() || report.Events != 0 {
			t.Errorf("empty: %+v", report)
		}
		history(t, s)
		add(t, s, "user/bob", some(2, "unsealed")...)
		report := verify(t, s, event.VerifyOptions{})
		if !report.OK() || report.Checkpoints != 3 || report.Erased != 4 || report.Unsealed != 2 || report.Events != report.Sealed+2 || !report.KeyGiven {
			t.Errorf("report: %+v", report)
		}
	})
}

func TestVerifyReadsZstd(t *testing.T) {
	s := open(t, t.TempDir()+"/stoa.db", nil)
	history(t, s)
	var packed bytes.Buffer
	enc, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = enc.Write(export(t, s))
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	report, err := event.Verify(&packed, event.VerifyOptions{})
	if err != nil || !report.OK() || report.KeyGiven {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestVerifyFindsEveryTamperedField changes each column of each table of the
// ledger in turn, in the database, and expects to be told where.
func TestVerifyFindsEveryTamperedField(t *testing.T) {
	const seq = 100 // an event with payload and all dimensions, amid the ledger
	blob := map[string]string{"sqlite": "x'00112233445566778899aabbccddeeff'", "postgres": `'\x00112233445566778899aabbccddeeff'::bytea`}
	type tamper struct {
		name, sql string
		seq       int64 // where it must be told; 0 is anywhere
		fault     event.Fault
	}
	var cases []tamper
	for _, column := range []string{"time", "received", "type", "source", "actor", "team", "service", "capability", "environment"} {
		cases = append(cases, tamper{"events." + column, fmt.Sprintf("UPDATE events SET %[1]s = %[1]s + 1 WHERE seq = %d", column, seq), seq, event.FaultColumn})
	}
	at := fmt.Sprintf(" WHERE seq = %d", seq)
	cases = append(cases,
		tamper{"events.subject", "UPDATE events SET subject = 'x'" + at, seq, event.FaultColumn},
		tamper{"events.envelope", "UPDATE events SET envelope = (SELECT e.envelope FROM events e WHERE e.seq = 99)" + at, seq, event.FaultChanged},
		tamper{"events.payload_hash", "UPDATE events SET payload_hash = BLOB" + at, seq, event.FaultChanged},
		tamper{"events.seq", "UPDATE events SET seq = 100000" + at, seq, event.FaultMissing},
		tamper{"events swapped", "UPDATE events SET seq = 1000201 - seq WHERE seq IN (100, 101); UPDATE events SET seq = seq - 1000000 WHERE seq > 1000000", seq, event.FaultOrder},
		tamper{"events deleted", "DELETE FROM events" + at, seq, event.FaultMissing},
		tamper{"events deleted, whole tiles", "DELETE FROM events WHERE seq BETWEEN 100 AND 300", seq, event.FaultMissing},
		tamper{"events truncated", "DELETE FROM events WHERE seq > 300", 301, event.FaultMissing},
		tamper{"events added", "INSERT INTO events SELECT 100000, time, received, type, source, actor, team, service, capability, environment, subject, envelope, payload_hash FROM events" + at, 100000, event.FaultOrder},
		tamper{"event_payload.seq", "UPDATE event_payload SET seq = 100000" + at, seq, event.FaultMissing},
		tamper{"event_payload.salt", "UPDATE event_payload SET salt = BLOB" + at, seq, event.FaultChanged},
		tamper{"event_payload.body", "UPDATE event_payload SET body = BLOB" + at, seq, event.FaultChanged},
		tamper{"event_payload deleted", "DELETE FROM event_payload" + at, seq, event.FaultMissing},
		tamper{"event_payload added", "INSERT INTO event_payload SELECT 100000, salt, body FROM event_payload" + at, 0, event.FaultDuplicate},
		tamper{"event_key.k", "UPDATE event_key SET k = BLOB" + at, seq, event.FaultKey},
		tamper{"event_key.seq", "UPDATE event_key SET seq = 99" + at, seq, event.FaultKey},
		tamper{"event_key deleted", "DELETE FROM event_key" + at, seq, event.FaultKey},
		tamper{"event_key added", "INSERT INTO event_key (k, seq) VALUES (BLOB, 100)", 0, event.FaultDuplicate},
		tamper{"dim.name", "UPDATE dim SET name = 'x' WHERE kind = 3 AND name = 'payments'", 1, event.FaultColumn},
		tamper{"dim.kind", "UPDATE dim SET kind = 77 WHERE kind = 3 AND name = 'payments'", 1, event.FaultColumn},
		tamper{"dim.id", "UPDATE dim SET id = 7777 WHERE kind = 3 AND name = 'payments'", 1, event.FaultColumn},
		tamper{"dim added", "INSERT INTO dim (id, kind, name) VALUES (7777, 3, 'x')", 0, event.FaultMissing},
		tamper{"ledger_head.seq", "UPDATE ledger_head SET seq = seq + 1", 0, event.FaultTruncated},
		tamper{"ledger_head.dims", "UPDATE ledger_head SET dims = dims + 1", 0, event.FaultMissing},
		tamper{"tiles.data", "UPDATE tiles SET data = (SELECT t.data FROM tiles t WHERE t.level = 0 AND t.n = 1) WHERE level = 0 AND n = 0", 1, event.FaultTile},
		tamper{"tiles.n", "UPDATE tiles SET n = 77 WHERE level = 0 AND n = 0", 1, event.FaultMissing},
		tamper{"tiles.level", "UPDATE tiles SET level = 7 WHERE level = 0 AND n = 0", 1, event.FaultMissing},
		tamper{"tiles above", "UPDATE tiles SET data = (SELECT t.data FROM tiles t WHERE t.level = 0 AND t.n = 1) WHERE level = 1 AND n = 0", 1, event.FaultTile},
		tamper{"tiles deleted", "DELETE FROM tiles WHERE level = 0 AND n = 1", 257, event.FaultMissing},
		tamper{"tiles above deleted", "DELETE FROM tiles WHERE level = 1 AND n = 0", 0, event.FaultMissing},
		tamper{"tiles added", "INSERT INTO tiles (level, n, data) VALUES (3, 3, BLOB)", 0, event.FaultDuplicate},
		tamper{"checkpoints.size", "UPDATE checkpoints SET size = 60 WHERE size = 41", 41, event.FaultColumn},
		tamper{"checkpoints.size, the last", "UPDATE checkpoints SET size = size + 5 WHERE size > 200", 0, event.FaultColumn},
		tamper{"checkpoints.previous", "UPDATE checkpoints SET previous = 7 WHERE size = 41", 41, event.FaultColumn},
		tamper{"checkpoints.note", "UPDATE checkpoints SET note = replace(note, '41', '42') WHERE size = 41", 41, event.FaultSignature},
		tamper{"checkpoints deleted", "DELETE FROM checkpoints WHERE size = 41", 142, event.FaultMissing},
		tamper{"sources.source", "UPDATE sources SET source = 'x'", 0, event.FaultSource},
		tamper{"sources.owner", "UPDATE sources SET owner = 'x'", 0, event.FaultSource},
		tamper{"sources.kind", "UPDATE sources SET kind = 'x'", 0, event.FaultSource},
		tamper{"sources deleted", "DELETE FROM sources", 0, event.FaultSource},
		tamper{"sources added", "INSERT INTO sources (source, owner, kind) VALUES ('a', 'b', 'c')", 0, event.FaultSource},
	)
	onBoth(t, func(t *testing.T, s *store.Store) {
		history(t, s)
		if report := verify(t, s, event.VerifyOptions{}); !report.OK() {
			t.Fatalf("before: %v", report.Findings)
		}
		if n := count(t, s, "SELECT count(*) FROM checkpoints WHERE size IN (41, 142)"); n != 2 {
			t.Fatal("the cases below name other sizes than history seals")
		}
		tables := backup(t, s)
		for _, c := range cases {
			for _, query := range strings.Split(strings.ReplaceAll(c.sql, "BLOB", blob[s.Dialect()]), ";") {
				exec(t, s, query)
			}
			report := verify(t, s, event.VerifyOptions{})
			if !slices.ContainsFunc(report.Findings, func(f event.Finding) bool {
				return f.Fault == c.fault && (c.seq == 0 || (f.Seq == c.seq))
			}) {
				t.Errorf("%s: want %s at %d, got %v", c.name, c.fault, c.seq, report.Findings)
			}
			if len(report.Findings) > 8 && c.seq == seq {
				t.Errorf("%s: one change is told as %d faults: %v", c.name, len(report.Findings), report.Findings[:8])
			}
			tables.restore(t, s)
		}
		if report := verify(t, s, event.VerifyOptions{}); !report.OK() {
			t.Fatalf("after: %v", report.Findings)
		}
	})
}

// copies are the ledger's tables, kept beside.
type copies []string

func backup(t *testing.T, s *store.Store) copies {
	tables := copies{"events", "event_payload", "event_key", "dim", "ledger_head", "tiles", "checkpoints", "sources"}
	for _, table := range tables {
		exec(t, s, fmt.Sprintf("CREATE TABLE kept_%[1]s AS SELECT * FROM %[1]s", table))
	}
	return tables
}

func (c copies) restore(t *testing.T, s *store.Store) {
	err := s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
		for _, table := range c {
			for _, query := range []string{"DELETE FROM " + table, fmt.Sprintf("INSERT INTO %[1]s SELECT * FROM kept_%[1]s", table)} {
				if _, err := tx.Exec(ctx, query); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestVerifyFindsEveryTamperedLine changes the export instead of the database.
func TestVerifyFindsEveryTamperedLine(t *testing.T) {
	s := open(t, t.TempDir()+"/stoa.db", nil)
	history(t, s)
	public := key(t, s).Public
	lines := bytes.SplitAfter(bytes.TrimSuffix(export(t, s), []byte("\n")), []byte("\n"))
	lines[len(lines)-1] = append(lines[len(lines)-1], '\n')
	check := func(name string, changed [][]byte) {
		t.Helper()
		report, err := event.Verify(bytes.NewReader(bytes.Join(changed, nil)), event.VerifyOptions{PublicKey: public})
		if err == nil && report.OK() {
			t.Errorf("%s is not found", name)
		}
	}
	for i := 1; i < len(lines); i++ {
		if bytes.HasPrefix(lines[i], []byte(`{"event"`)) && i%17 != 0 {
			continue // events are all alike
		}
		what := fmt.Sprintf("line %d (%.40s)", i, lines[i])
		check(what+" dropped", slices.Delete(slices.Clone(lines), i, i+1))
		check(what+" doubled", slices.Insert(slices.Clone(lines), i, lines[i]))
		check("everything from "+what, lines[:i])
		upper := []byte(`{"tile":{"level":1`)
		if i+1 < len(lines) && !bytes.HasPrefix(lines[i], upper) && !bytes.HasPrefix(lines[i+1], upper) { // those may stand anywhere at the end
			swapped := slices.Clone(lines)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			check(what+" swapped with the next", swapped)
		}
		half := slices.Clone(lines)
		half[i] = half[i][:len(half[i])/2]
		check(what+" cut", half)
	}
}

// TestVerifyTellsReorderedEvents moves events of an export, and expects to be told
// that, and nothing else.
func TestVerifyTellsReorderedEvents(t *testing.T) {
	s := open(t, t.TempDir()+"/stoa.db", nil)
	history(t, s)
	public := key(t, s).Public
	lines := bytes.SplitAfter(export(t, s), []byte("\n"))
	at := func(seq int) int {
		return slices.IndexFunc(lines, func(l []byte) bool { return bytes.HasPrefix(l, fmt.Appendf(nil, `{"event":{"seq":%d,`, seq)) })
	}
	moved := func(seq, before int) [][]byte {
		line := lines[at(seq)]
		rest := slices.Delete(slices.Clone(lines), at(seq), at(seq)+1)
		to := slices.IndexFunc(rest, func(l []byte) bool { return bytes.HasPrefix(l, fmt.Appendf(nil, `{"event":{"seq":%d,`, before)) })
		return slices.Insert(rest, to, line)
	}
	changed := func(lines [][]byte, seq int) [][]byte {
		i := slices.IndexFunc(lines, func(l []byte) bool { return bytes.HasPrefix(l, fmt.Appendf(nil, `{"event":{"seq":%d,`, seq)) })
		lines[i] = bytes.Replace(lines[i], []byte(`"salt":"`), []byte(`"salt":"AAAA`), 1)
		return lines
	}
	for _, c := range []struct {
		name  string
		lines [][]byte
		want  []string
	}{
		{"the next one first", moved(101, 100), []string{"event 100: reordered: it stands after event 101"}},
		{"one far behind, over a checkpoint and tiles", moved(60, 290), []string{"event 60: reordered: it stands after event 289"}},
		{"one without its payload", moved(6, 100), []string{"event 6: reordered: it stands after event 99"}},
		{"one of two that are missing", slices.DeleteFunc(moved(101, 200), func(l []byte) bool { return bytes.HasPrefix(l, []byte(`{"event":{"seq":102,`)) }), []string{
			"event 101: reordered: it stands after event 199", "event 102: missing: not in the export"}},
		{"one that was changed too", changed(moved(101, 200), 101), []string{"event 101: reordered: it stands after event 199", "event 101: changed"}},
	} {
		report, err := event.Verify(bytes.NewReader(bytes.Join(c.lines, nil)), event.VerifyOptions{PublicKey: public})
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range report.Findings {
			if i >= len(c.want) && f.Seq != 0 || i < len(c.want) && !strings.HasPrefix(f.String(), c.want[i]) {
				t.Errorf("%s: told %q, want %q", c.name, f, c.want)
			}
		}
		if len(report.Findings) < len(c.want) {
			t.Errorf("%s: told %v, want %q", c.name, report.Findings, c.want)
		}
	}
}

func TestVerifyFindsRewrittenHistoryByThePin(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		s := open(t, url, nil)
		seals := sealer(t, s)
		add(t, s, "user/ann", some(10, "a")...)
		pinned := seal(t, seals)
		// The administrator, who holds the key, writes another history of the same length and more.
		for _, table := range []string{"events", "event_payload", "event_key", "tiles", "checkpoints", "dim"} {
			exec(t, s, "DELETE FROM "+table)
		}
		exec(t, s, "UPDATE ledger_head SET seq = 0, dims = 0")
		fresh := open(t, url, nil) // with nothing in memory
		seals = sealer(t, fresh)
		add(t, fresh, "user/ann", some(10, "b")...)
		seal(t, seals)
		add(t, fresh, "user/ann", some(10, "c")...)
		seal(t, seals)
		if report := verify(t, fresh, event.VerifyOptions{}); !report.OK() {
			t.Errorf("signed anew, without a pin nothing can be found: %v", report.Findings)
		}
		report := verify(t, fresh, event.VerifyOptions{Pinned: pinned.Note})
		if report.OK() || report.Findings[0].Fault != event.FaultForked || report.Findings[0].To != pinned.Size {
			t.Errorf("report: %+v", report)
		}
	})
}
