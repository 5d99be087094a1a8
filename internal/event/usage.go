package event

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Use is one use of a capability: a page looked at, logs read, a command run; or
// one that was wanted and is not allowed.
type Use struct {
	Actor       string // a principal; "" is nobody known
	Team        string // the team it was for, or the actor's only team
	Capability  string // "logs", "deploy", "catalog"
	Service     string
	Environment string
	Surface     string // "api", "cli", "portal"
	Bot         bool   // no person is behind it
	// Refused is what the actor may not do, such as "update Service"; "" is a use.
	Refused string
}

// CapabilityDeploy is the capability of the golden path: an event that carries it tells
// of what Stoa delivered.
const CapabilityDeploy = "deploy"

// Extension attributes of TypeUsage, TypeAccessRefused and TypeUsageLost events.
const (
	ExtCount   = "count"   // how often, a decimal
	ExtSurface = "surface" // Use.Surface
	ExtBot     = "bot"     // "true" when no person is behind it
	ExtRefused = "refused" // Use.Refused
	ExtReason  = "reason"  // of lost usage: "overflow" or "crash"
	ExtSince   = "since"   // of a crash: the time of the last flush, RFC 3339
)

const usageSource = "/stoa/usage"

// Appender is where events that belong to no other change are appended.
type Appender interface {
	AppendEvents(ctx context.Context, poster string, events []Event, also func(context.Context, LedgerTx) error) ([]Outcome, error)
}

// LedgerTx is the transaction in which events are appended.
type LedgerTx interface {
	SQL
	// Pseudonym gives the name of a principal in the ledger.
	Pseudonym(ctx context.Context, principal string) (string, error)
	// Append adds events behind those that are being appended.
	Append(events ...Event)
}

// UsageOptions tune a Usage. The zero value works.
type UsageOptions struct {
	Logger *slog.Logger
	Clock  func() time.Time
	// Keys bounds what is kept in memory, about 300 bytes each: uses that differ in
	// any field or minute. Default 20,000. Uses beyond are counted as lost.
	Keys int
}

// Usage gathers uses in memory and appends them once a minute as one event for
// each that differs. A crash loses at most what came since the last flush; the
// next flush of any gatherer, five minutes later, records that and since when.
type Usage struct {
	store  Appender
	logger *slog.Logger
	clock  func() time.Time
	keys   int
	id     string

	flushing sync.Mutex // held by the one flush that runs
	pending  []Event    // of a flush that failed; kept with their ids, so that none counts twice

	mu    sync.Mutex
	count map[useMinute]int64
	lost  int64
}

type useMinute struct {
	Use
	minute int64 // Unix time / 60
}

// NewUsage makes a gatherer.
func NewUsage(store Appender, o UsageOptions) *Usage {
	u := &Usage{store: store, logger: o.Logger, clock: o.Clock, keys: o.Keys, id: uuid.NewString(), count: map[useMinute]int64{}}
	if u.logger == nil {
		u.logger = slog.New(slog.DiscardHandler)
	}
	if u.clock == nil {
		u.clock = time.Now
	}
	if u.keys <= 0 {
		u.keys = 20_000
	}
	return u
}

// Record counts one use. It never waits for the database.
func (u *Usage) Record(use Use) {
	key := useMinute{use, u.clock().Unix() / 60}
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.count[key]; !known && len(u.count) >= u.keys {
		u.lost++
		return
	}
	u.count[key]++
}

// flushEvery is the time between flushes, goneAfter that after which a gatherer
// that did not flush is taken for dead.
const (
	flushEvery = time.Minute
	goneAfter  = 5 * flushEvery
)

// Run flushes once a minute until ctx ends, and a last time then.
func (u *Usage) Run(ctx context.Context) {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		if err := u.Flush(ctx); err != nil && ctx.Err() == nil {
			u.logger.WarnContext(ctx, "usage could not be recorded, it is kept for the next try", "error", err)
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if err := u.flush(last, true); err != nil {
				u.logger.WarnContext(last, "usage of the last minute is lost", "error", err)
			}
			return
		case <-ticker.C:
		}
	}
}

// Flush appends what was gathered. What cannot be appended is kept.
func (u *Usage) Flush(ctx context.Context) error { return u.flush(ctx, false) }

func (u *Usage) flush(ctx context.Context, last bool) error {
	u.flushing.Lock()
	defer u.flushing.Unlock()
	u.mu.Lock()
	var counts map[useMinute]int64
	var lost int64
	if len(u.pending) < u.keys { // else what is gathered meanwhile stays in its own bound
		counts, lost = u.count, u.lost
		u.count, u.lost = map[useMinute]int64{}, 0
	}
	u.mu.Unlock()
	events, err := usageEvents(counts, lost)
	if err != nil {
		return err
	}
	u.pending = append(u.pending, events...)
	_, err = u.store.AppendEvents(ctx, "stoa/usage", u.pending, func(ctx context.Context, tx LedgerTx) error {
		return u.heartbeat(ctx, tx, last)
	})
	if err != nil {
		return fmt.Errorf("record usage: %w", err)
	}
	u.pending = nil
	return nil
}

func usageEvents(counts map[useMinute]int64, lost int64) ([]Event, error) {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b useMinute) int { return int(a.minute - b.minute) })
	events := make([]Event, 0, len(keys)+1)
	for _, k := range keys {
		ext := map[string]string{ExtCount: strconv.FormatInt(counts[k], 10)}
		if k.Surface != "" {
			ext[ExtSurface] = k.Surface
		}
		if k.Bot {
			ext[ExtBot] = "true"
		}
		kind := TypeUsage
		if k.Refused != "" {
			kind, ext[ExtRefused] = TypeAccessRefused, k.Refused
		}
		events = append(events, Event{
			Source: usageSource, Type: kind, Time: time.Unix(k.minute*60, 0),
			Actor: k.Actor, Team: k.Team, Service: k.Service, Capability: k.Capability, Environment: k.Environment, Extensions: ext,
		})
	}
	if lost > 0 {
		events = append(events, Event{Source: usageSource, Type: TypeUsageLost,
			Extensions: map[string]string{ExtReason: "overflow", ExtCount: strconv.FormatInt(lost, 10)}})
	}
	for i := range events {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make event id: %w", err)
		}
		events[i].ID = id.String()
	}
	return events, nil
}

// heartbeat says that this gatherer lives, or that it ends in good order, and
// records the end of those that did not.
func (u *Usage) heartbeat(ctx context.Context, tx LedgerTx, last bool) error {
	now := u.clock()
	var err error
	if last {
		_, err = tx.Exec(ctx, "DELETE FROM usage_gatherers WHERE id = $1", u.id)
	} else {
		_, err = tx.Exec(ctx, `INSERT INTO usage_gatherers (id, flushed) VALUES ($1, $2)
			ON CONFLICT (id) DO UPDATE SET flushed = excluded.flushed`, u.id, now.UnixMicro())
	}
	if err != nil {
		return err
	}
	gone := map[string]int64{}
	rows, err := tx.Query(ctx, "SELECT id, flushed FROM usage_gatherers WHERE flushed < $1", now.Add(-goneAfter).UnixMicro())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var flushed int64
		if err := rows.Scan(&id, &flushed); err != nil {
			return err
		}
		gone[id] = flushed
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows.Close()
	for id, flushed := range gone {
		result, err := tx.Exec(ctx, "DELETE FROM usage_gatherers WHERE id = $1 AND flushed = $2", id, flushed)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 { // another one was first, or it lives
			continue
		}
		tx.Append(Event{Source: usageSource, Type: TypeUsageLost, Extensions: map[string]string{
			ExtReason: "crash", ExtSince: time.UnixMicro(flushed).UTC().Format(time.RFC3339)}})
	}
	return nil
}
