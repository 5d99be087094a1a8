package event_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// The benchmarks measure against a ledger that holds STOA_BENCH_EVENTS events
// already; default 1,000,000.
func loaded() int {
	if n, err := strconv.Atoi(os.Getenv("STOA_BENCH_EVENTS")); err == nil {
		return n
	}
	return 1_000_000
}

const benchBatch = 500

func benchEvents(n int) []event.Event {
	events := make([]event.Event, n)
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range events {
		var id [16]byte
		_, _ = rand.Read(id[:])
		events[i] = event.Event{
			ID: hex.EncodeToString(id[:]), Source: "https://ci.example.org", Type: "dev.cdevents.service.deployed.0.3.0",
			Subject: "service/shop-" + strconv.Itoa(i%100), Time: at.Add(time.Duration(i) * time.Second), Actor: "user/u" + strconv.Itoa(i%50),
			Team: "team-" + strconv.Itoa(i%20), Service: "shop-" + strconv.Itoa(i%100), Capability: "deploy", Environment: "prod",
			Data: []byte(`{"context":{"version":"0.5.0"},"subject":{"id":"shop","content":{"environment":{"id":"prod"},"artifactId":"pkg:oci/shop@sha256:0011"}}}`),
		}
	}
	return events
}

// prefill copies a few events until the tables hold n, with random keys.
func prefill(b *testing.B, s *store.Store, n int) {
	add(b, s, "token/ci", benchEvents(benchBatch)...)
	have := int64(benchBatch)
	random := "decode(md5(random()::text || k.seq), 'hex')"
	if s.Dialect() == "sqlite" {
		random = "randomblob(16)"
	}
	for have < int64(n) {
		copies := min(int64(200), (int64(n)-have)/benchBatch+1)
		err := s.Write(b.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
			for c := range copies {
				by := have + c*benchBatch
				for _, query := range []string{
					`INSERT INTO events SELECT seq + $1, time, received, type, source, actor, team, service, capability, environment, subject, envelope, payload_hash
						FROM events WHERE seq <= $2`,
					`INSERT INTO event_payload SELECT seq + $1, salt, body FROM event_payload WHERE seq <= $2`,
					`INSERT INTO event_key SELECT ` + random + `, k.seq + $1 FROM events k WHERE k.seq <= $2`,
				} {
					if _, err := tx.Exec(ctx, query, by, int64(benchBatch)); err != nil {
						return err
					}
				}
			}
			_, err := tx.Exec(ctx, "UPDATE ledger_head SET seq = $1", have+copies*benchBatch)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		have += copies * benchBatch
	}
}

func onBothBench(b *testing.B, run func(b *testing.B, s *store.Store)) {
	for _, name := range []string{"sqlite", "postgres"} {
		b.Run(name, func(b *testing.B) {
			url := filepath.Join(b.TempDir(), "stoa.db")
			if name == "postgres" {
				url = testenv.Postgres(b)
			}
			run(b, open(b, url, nil))
		})
	}
}

// BenchmarkAppend reports events a second of batches of 500 with random ids,
// and the same rows inserted plainly: into one table with the indexes of events
// and a unique one on the id, and into one without; and the ratio to each.
func BenchmarkAppend(b *testing.B) {
	onBothBench(b, func(b *testing.B, s *store.Store) {
		n := loaded()
		prefill(b, s, n)
		plain := newPlain(b, s, "plain", true, n)
		raw := newPlain(b, s, "raw", false, n)
		var ours, theirs, bare time.Duration
		events := 0
		for b.Loop() { // in turn, so that all see the same machine
			batch := benchEvents(benchBatch)
			start := time.Now()
			add(b, s, "token/ci", batch...)
			ours += time.Since(start)
			theirs += plain.insert(b, batch)
			bare += raw.insert(b, batch)
			events += benchBatch
		}
		rate := func(d time.Duration) float64 { return float64(events) / d.Seconds() }
		b.ReportMetric(rate(ours), "events/s")
		b.ReportMetric(rate(theirs), "plain/s")
		b.ReportMetric(rate(bare), "raw/s")
		b.ReportMetric(rate(ours)/rate(theirs), "xplain")
		b.ReportMetric(rate(ours)/rate(bare), "xraw")
	})
}

// BenchmarkAppendOne reports events a second of posters that come with one event
// each: those that wait are committed together.
func BenchmarkAppendOne(b *testing.B) {
	onBothBench(b, func(b *testing.B, s *store.Store) {
		for _, posters := range []int{1, 4, 16, 64} {
			b.Run(fmt.Sprint(posters, " posters"), func(b *testing.B) {
				var all sync.WaitGroup
				var next atomic.Int64
				for range posters {
					all.Go(func() {
						for next.Add(1) <= int64(b.N) {
							if _, err := s.AppendEvents(b.Context(), "token/ci", benchEvents(1), nil); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	})
}

// plain is a table of whole events and nothing else.
type plain struct {
	s       *store.Store
	name    string
	at      int64
	columns []string
}

func newPlain(b *testing.B, s *store.Store, name string, unique bool, n int) *plain {
	blob := map[string]string{"sqlite": "BLOB", "postgres": "BYTEA"}[s.Dialect()]
	exec(b, s, fmt.Sprintf(`CREATE TABLE %s (seq BIGINT PRIMARY KEY, k %[2]s NOT NULL, time BIGINT NOT NULL, received BIGINT NOT NULL,
		type BIGINT NOT NULL, actor BIGINT NOT NULL, team BIGINT NOT NULL, service BIGINT NOT NULL, capability BIGINT NOT NULL, environment BIGINT NOT NULL,
		subject TEXT NOT NULL, envelope %[2]s NOT NULL, payload_hash %[2]s NOT NULL, body %[2]s NOT NULL)`, name, blob))
	if unique {
		exec(b, s, fmt.Sprintf("CREATE UNIQUE INDEX %[1]s_k ON %[1]s (k)", name))
		for _, column := range []string{"type", "actor", "team", "service"} {
			exec(b, s, fmt.Sprintf("CREATE INDEX %[1]s_%[2]s ON %[1]s (%[2]s, seq)", name, column))
		}
	}
	p := &plain{s: s, name: name, at: int64(n) * 2, columns: []string{"seq", "k", "time", "received", "type", "actor", "team", "service", "capability", "environment",
		"subject", "envelope", "payload_hash", "body"}}
	random := map[string]string{"sqlite": "randomblob(16)", "postgres": "decode(md5(random()::text || e.seq), 'hex')"}[s.Dialect()]
	exec(b, s, fmt.Sprintf(`INSERT INTO %s SELECT e.seq, %s, e.time, e.received, e.type, e.actor, e.team, e.service, e.capability, e.environment, e.subject,
		e.envelope, e.payload_hash, p.body FROM events e JOIN event_payload p ON p.seq = e.seq`, name, random))
	return p
}

// insert puts the batch in as fast as the database takes it: COPY or a prepared
// statement a row, one commit.
func (p *plain) insert(b *testing.B, batch []event.Event) time.Duration {
	rows := make([][]any, len(batch))
	for i, ev := range batch {
		p.at++
		k := sha256.Sum256([]byte(ev.Source + "\x00" + ev.ID))
		entry, err := event.Prepare(ev, "token/ci", time.Now())
		if err != nil {
			b.Fatal(err)
		}
		rows[i] = []any{p.at, k[:16], ev.Time.UnixMicro(), ev.Time.UnixMicro(), int64(1), int64(2), int64(3), int64(4), int64(5), int64(6),
			ev.Subject, entry.Envelope, entry.PayloadHash[:], []byte(ev.Data)}
	}
	start := time.Now()
	if p.s.Dialect() == "postgres" {
		p.copyIn(b, rows)
		return time.Since(start)
	}
	err := p.s.Write(b.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
		query := fmt.Sprintf("INSERT INTO %s VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)", p.name)
		for _, row := range rows {
			if _, err := tx.Exec(ctx, query, row...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

func (p *plain) copyIn(b *testing.B, rows [][]any) {
	conn, err := p.s.Writer().Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().CopyFrom(b.Context(), []string{p.name}, p.columns, pgx.CopyFromRows(rows))
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSeal reports events a second from the table into a signed tree.
func BenchmarkSeal(b *testing.B) {
	onBothBench(b, func(b *testing.B, s *store.Store) {
		prefill(b, s, loaded()/5)
		n := count(b, s, "SELECT seq FROM ledger_head")
		start := time.Now()
		for b.Loop() {
			exec(b, s, "DELETE FROM checkpoints")
			seal(b, sealer(b, s))
		}
		b.ReportMetric(float64(n)*float64(b.N)/time.Since(start).Seconds(), "events/s")
	})
}

// BenchmarkProject reports events a second through the usage and milestones projectors.
func BenchmarkProject(b *testing.B) {
	onBothBench(b, func(b *testing.B, s *store.Store) {
		prefill(b, s, loaded()/5)
		n := count(b, s, "SELECT seq FROM ledger_head")
		start := time.Now()
		for b.Loop() {
			exec(b, s, "DELETE FROM projections")
			r := event.NewRunner(s, adoption.Projectors(), event.RunnerOptions{})
			if err := r.CatchUp(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/time.Since(start).Seconds(), "events/s")
	})
}
