// Package adoption tells who uses the platform, how far each team has come, and
// who is stuck. It owns the usage and milestones projections of the ledger.
package adoption

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
)

// Usage keeps usage_day (events by day, type, capability, team and environment)
// and actor_day (what each person used on a day, for which team). A usage event
// counts as often as it says; any other event once. Bots and Stoa's own parts
// are no persons: they are in usage_day only.
type Usage struct{}

// Name is the projection's name.
func (Usage) Name() string { return "usage" }

// Version grows when the rows that follow from the same events change.
func (Usage) Version() int { return 1 }

// Reset empties the tables.
func (Usage) Reset(ctx context.Context, tx event.SQL) error {
	for _, table := range []string{"usage_day", "actor_day", "capability_bit"} {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table); err != nil {
			return fmt.Errorf("empty %s: %w", table, err)
		}
	}
	return nil
}

type usageDay struct{ day, kind, capability, team, environment int64 }

type actorDay struct{ day, actor, team, block int64 }

type actorUse struct{ caps, n int64 }

// Apply adds the records' counts.
func (Usage) Apply(ctx context.Context, tx event.SQL, records []event.Record) error {
	bits := capabilityBits{tx: tx, known: map[int64]capabilityBit{}}
	days, actors := map[usageDay]int64{}, map[actorDay]actorUse{}
	for i := range records {
		r := &records[i]
		n, err := count(r)
		if err != nil {
			return fmt.Errorf("event %d: %w", r.Seq, err)
		}
		day := Day(r.Time)
		days[usageDay{day, r.IDs.Type, r.IDs.Capability, r.IDs.Team, r.IDs.Environment}] += n
		if r.IDs.Actor == 0 || !person(r) {
			continue
		}
		bit, err := bits.of(ctx, r.IDs.Capability)
		if err != nil {
			return err
		}
		key := actorDay{day, r.IDs.Actor, r.IDs.Team, bit.block}
		use := actors[key]
		actors[key] = actorUse{use.caps | bit.mask, use.n + n}
	}
	for _, k := range slices.SortedFunc(maps.Keys(days), func(a, b usageDay) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.kind, b.kind), cmp.Compare(a.capability, b.capability),
			cmp.Compare(a.team, b.team), cmp.Compare(a.environment, b.environment))
	}) {
		if _, err := tx.Exec(ctx, `INSERT INTO usage_day (day, type, capability, team, environment, n) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (day, type, capability, team, environment) DO UPDATE SET n = usage_day.n + excluded.n`,
			k.day, k.kind, k.capability, k.team, k.environment, days[k]); err != nil {
			return fmt.Errorf("add to usage_day: %w", err)
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(actors), func(a, b actorDay) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.actor, b.actor), cmp.Compare(a.team, b.team), cmp.Compare(a.block, b.block))
	}) {
		if _, err := tx.Exec(ctx, `INSERT INTO actor_day (day, actor, team, block, caps, n) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (day, actor, team, block) DO UPDATE SET caps = actor_day.caps | excluded.caps, n = actor_day.n + excluded.n`,
			k.day, k.actor, k.team, k.block, actors[k].caps, actors[k].n); err != nil {
			return fmt.Errorf("add to actor_day: %w", err)
		}
	}
	return nil
}

// Day is the day of a time: days since 1970, UTC.
func Day(t time.Time) int64 {
	seconds := t.Unix()
	day := seconds / 86400
	if seconds%86400 < 0 {
		day--
	}
	return day
}

// count is how often a usage event says that something was used; 1 for others.
func count(r *event.Record) (int64, error) {
	text, given := r.Extensions[event.ExtCount]
	if r.Type != event.TypeUsage || !given {
		return 1, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("count %q is no positive number", text)
	}
	return n, nil
}

// person reports whether a human being did it.
func person(r *event.Record) bool {
	return r.Extensions[event.ExtBot] != "true" && !strings.HasPrefix(r.Actor, "stoa/")
}

// capabilityBit is where a capability stands in actor_day: in the row of its
// block. Events without capability have no bit in block 0.
type capabilityBit struct{ block, mask int64 }

// bitsPerBlock leaves the sign bit alone.
const bitsPerBlock = 62

// capabilityBits gives each capability its bit in the order in which they first
// are used, which is that of the ledger and so the same at every rebuild.
type capabilityBits struct {
	tx    event.SQL
	known map[int64]capabilityBit
}

func (b *capabilityBits) of(ctx context.Context, capability int64) (capabilityBit, error) {
	if capability == 0 {
		return capabilityBit{}, nil
	}
	if bit, ok := b.known[capability]; ok {
		return bit, nil
	}
	var block, bit int64
	err := b.tx.QueryRow(ctx, "SELECT block, bit FROM capability_bit WHERE capability = $1", capability).Scan(&block, &bit)
	if errors.Is(err, sql.ErrNoRows) {
		var n int64
		if err = b.tx.QueryRow(ctx, "SELECT count(*) FROM capability_bit").Scan(&n); err == nil {
			block, bit = n/bitsPerBlock, n%bitsPerBlock
			_, err = b.tx.Exec(ctx, "INSERT INTO capability_bit (capability, block, bit) VALUES ($1, $2, $3)", capability, block, bit)
		}
	}
	if err != nil {
		return capabilityBit{}, fmt.Errorf("number capability: %w", err)
	}
	b.known[capability] = capabilityBit{block, 1 << bit}
	return b.known[capability], nil
}
