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
	"github.com/stoa-platform/stoa/internal/measure"
)

// Usage keeps what was used by whom and when: use_kind, usage_day, actor_month,
// team_month and first_use. A use is an event that names a capability, and no
// ticket about it; of the many that Stoa tells by itself only TypeUsage is one, so
// that a release does not count once for each of its steps.
type Usage struct{}

// Name is the projection's name.
func (Usage) Name() string { return "usage" }

// Version grows when the rows that follow from the same events change.
func (Usage) Version() int { return 3 }

// Reset empties the tables.
func (Usage) Reset(ctx context.Context, tx event.SQL) error {
	return tx.Empty(ctx, "use_kind", "usage_day", "actor_month", "team_month", "first_use")
}

var (
	upsertUsageDay = event.NewUpsert("usage_day", "ON CONFLICT (kind, day, team) DO UPDATE SET n = usage_day.n + excluded.n",
		"kind", "day", "team", "n")
	upsertActorMonth = event.NewUpsert("actor_month", `ON CONFLICT (month, actor, kind, team) DO UPDATE SET days = actor_month.days | excluded.days
		WHERE (actor_month.days | excluded.days) <> actor_month.days`, "month", "actor", "kind", "team", "days")
	upsertTeamMonth = event.NewUpsert("team_month", `ON CONFLICT (month, team, kind) DO UPDATE SET days = team_month.days | excluded.days
		WHERE (team_month.days | excluded.days) <> team_month.days`, "month", "team", "kind", "days")
	upsertFirstUse = event.NewUpsert("first_use", `ON CONFLICT (team, kind) DO UPDATE SET at = excluded.at, seq = excluded.seq
		WHERE excluded.at < first_use.at OR (excluded.at = first_use.at AND excluded.seq < first_use.seq)`, "team", "kind", "at", "seq")
)

// triple and quad are keys of the tables, in the order of their columns.
type (
	triple struct{ a, b, c int64 }
	quad   struct{ a, b, c, d int64 }
	pair   struct{ a, b int64 }
)

func compareTriples(x, y triple) int {
	return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b), cmp.Compare(x.c, y.c))
}

func compareQuads(x, y quad) int {
	return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b), cmp.Compare(x.c, y.c), cmp.Compare(x.d, y.d))
}

func comparePairs(x, y pair) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) }

// Apply adds the records' uses.
func (Usage) Apply(ctx context.Context, tx event.SQL, records []event.Record) error {
	kinds := useKinds{tx: tx, known: map[useKey]int64{}}
	days, actors, teams, firsts := map[triple]int64{}, map[quad]int64{}, map[triple]int64{}, map[pair]moment{}
	for i := range records {
		r := &records[i]
		if !isUse(r) {
			continue
		}
		kind, err := kinds.of(ctx, useKey{r.IDs.Type, r.IDs.Capability, surface(r)})
		if err != nil {
			return err
		}
		days[triple{kind, measure.Day(r.Time), r.IDs.Team}] += count(r)
		month, bit := monthOf(r.Time)
		if person(r) {
			actors[quad{month, r.IDs.Actor, kind, r.IDs.Team}] |= bit
		}
		if r.IDs.Team != 0 {
			teams[triple{month, r.IDs.Team, kind}] |= bit
			keepFirst(firsts, pair{r.IDs.Team, kind}, r)
		}
	}
	var args []any
	for _, k := range slices.SortedFunc(maps.Keys(days), compareTriples) {
		args = append(args, k.a, k.b, k.c, days[k])
	}
	if err := upsertUsageDay.Run(ctx, tx, args); err != nil {
		return err
	}
	args = args[:0]
	for _, k := range slices.SortedFunc(maps.Keys(actors), compareQuads) {
		args = append(args, k.a, k.b, k.c, k.d, actors[k])
	}
	if err := upsertActorMonth.Run(ctx, tx, args); err != nil {
		return err
	}
	args = args[:0]
	for _, k := range slices.SortedFunc(maps.Keys(teams), compareTriples) {
		args = append(args, k.a, k.b, k.c, teams[k])
	}
	if err := upsertTeamMonth.Run(ctx, tx, args); err != nil {
		return err
	}
	args = args[:0]
	for _, k := range slices.SortedFunc(maps.Keys(firsts), comparePairs) {
		args = append(args, k.a, k.b, firsts[k].at, firsts[k].seq)
	}
	return upsertFirstUse.Run(ctx, tx, args)
}

// moment is when something happened and the event that tells of it.
type moment struct{ at, seq int64 }

func (m moment) before(o moment) bool {
	return m.at < o.at || m.at == o.at && m.seq < o.seq
}

// keepFirst keeps the earliest by the event's own time, so that history that is
// brought later counts; of two at the same time the one that came first.
func keepFirst[K comparable](firsts map[K]moment, key K, r *event.Record) {
	found := moment{r.Time.UnixMicro(), r.Seq}
	if known, ok := firsts[key]; !ok || found.before(known) {
		firsts[key] = found
	}
}

// monthOf gives the month of a time, counted from January 1970, and the day's
// bit in it.
func monthOf(t time.Time) (month, bit int64) {
	year, m, day := t.UTC().Date()
	return int64(year-1970)*12 + int64(m) - 1, 1 << (day - 1)
}

// isUse reports whether an event is a use of a capability: a ticket about one is none.
func isUse(r *event.Record) bool {
	return r.IDs.Capability != 0 && (r.Type == event.TypeUsage || !strings.HasPrefix(r.Type, "dev.stoa.") && !strings.HasPrefix(r.Type, ticketTypes))
}

// ticketTypes begins the types of what is told of tickets.
const ticketTypes = "dev.cdevents.ticket."

// count is how often a usage event says that something was used; 1 for others,
// and for one that says no number.
func count(r *event.Record) int64 {
	text, given := r.Extensions[event.ExtCount]
	if r.Type != event.TypeUsage || !given {
		return 1
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 1
	}
	return min(n, event.MaxCount)
}

// surface is the door through which it was used: "" when it is not said, or says
// what no door is named like.
func surface(r *event.Record) string {
	name := r.Extensions[event.ExtSurface]
	if len(name) > 20 {
		return ""
	}
	for _, c := range name {
		if c < 'a' || c > 'z' {
			return ""
		}
	}
	return name
}

// person reports whether a human being did it.
func person(r *event.Record) bool {
	return r.IDs.Actor != 0 && r.Extensions[event.ExtBot] != "true" && !strings.HasPrefix(r.Actor, "stoa/")
}

type useKey struct {
	kind, capability int64
	surface          string
}

// useKinds numbers kinds of use in the order in which the ledger first tells of
// them, which is the same at every rebuild.
type useKinds struct {
	tx    event.SQL
	known map[useKey]int64
}

func (k *useKinds) of(ctx context.Context, key useKey) (int64, error) {
	if id, ok := k.known[key]; ok {
		return id, nil
	}
	var id int64
	err := k.tx.QueryRow(ctx, "SELECT id FROM use_kind WHERE type = $1 AND capability = $2 AND surface = $3", key.kind, key.capability, key.surface).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		if err = k.tx.QueryRow(ctx, "SELECT coalesce(max(id), 0) + 1 FROM use_kind").Scan(&id); err == nil {
			_, err = k.tx.Exec(ctx, "INSERT INTO use_kind (id, type, capability, surface) VALUES ($1, $2, $3, $4)", id, key.kind, key.capability, key.surface)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("number a kind of use: %w", err)
	}
	k.known[key] = id
	return id, nil
}
