package adoption

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
)

// Milestone is a step that every team takes once on its way onto the platform.
type Milestone string

// The milestones, in the order in which most teams reach them. A deployment is
// one on the golden path: who deploys elsewhere does not use the platform.
const (
	AccessAsked     Milestone = "access-asked"
	AccessGranted   Milestone = "access-granted"
	FirstDeployment Milestone = "first-deployment"
	FirstLogQuery   Milestone = "first-log-query"
	FirstAlert      Milestone = "first-alert"
)

// MilestoneOrder lists all milestones as people expect to read them.
func MilestoneOrder() []Milestone {
	return []Milestone{AccessAsked, AccessGranted, FirstDeployment, FirstLogQuery, FirstAlert}
}

// Milestones keeps what happened once to each team or service: its milestones,
// who waited for access to it, when it came and went, the first deployment; and
// when each source of events began. First is by the event's own time, so that imported history counts.
type Milestones struct{}

// Name is the projection's name.
func (Milestones) Name() string { return "milestones" }

// Version grows when the rows that follow from the same events change.
func (Milestones) Version() int { return 4 }

// Reset empties the tables.
func (Milestones) Reset(ctx context.Context, tx event.SQL) error {
	return tx.Empty(ctx, "milestones", "access", "team_seen", "service_first", "source_first")
}

var (
	upsertMilestone = event.NewUpsert("milestones", `ON CONFLICT (team, milestone) DO UPDATE SET at = excluded.at, seq = excluded.seq
		WHERE excluded.at < milestones.at OR (excluded.at = milestones.at AND excluded.seq < milestones.seq)`, "team", "milestone", "at", "seq")
	upsertTeamSeen = event.NewUpsert("team_seen", `ON CONFLICT (team) DO UPDATE SET
			since = CASE WHEN excluded.since < team_seen.since THEN excluded.since ELSE team_seen.since END,
			created = CASE WHEN excluded.created > team_seen.created THEN excluded.created ELSE team_seen.created END,
			deleted = CASE WHEN excluded.deleted > team_seen.deleted THEN excluded.deleted ELSE team_seen.deleted END
		WHERE excluded.since < team_seen.since OR excluded.created > team_seen.created OR excluded.deleted > team_seen.deleted`,
		"team", "since", "created", "deleted")
	upsertServiceFirst = event.NewUpsert("service_first", `ON CONFLICT (service) DO UPDATE
			SET team = excluded.team, source = excluded.source, at = excluded.at, path = excluded.path, there = excluded.there, seq = excluded.seq
		WHERE excluded.at < service_first.at OR (excluded.at = service_first.at AND excluded.seq < service_first.seq)`,
		"service", "team", "source", "at", "path", "there", "seq")
	upsertSourceFirst = event.NewUpsert("source_first", `ON CONFLICT (source) DO UPDATE SET day = excluded.day
		WHERE excluded.day < source_first.day`, "source", "day")
	insertAccess = event.NewUpsert("access", "", "seq", "person", "team", "at", "what")
)

type teamMilestone struct {
	team      int64
	milestone Milestone
}

// teamSeen is when a team was first named, and last declared and deleted.
type teamSeen struct{ since, created, deleted int64 }

// firstDeployment is the earliest of a service; there is 1 if it says itself that
// the service was there before.
type firstDeployment struct {
	moment
	team, source, path, there int64
}

// Apply keeps what is earlier, or later, than what is there.
func (Milestones) Apply(ctx context.Context, tx event.SQL, records []event.Record) error {
	milestones, seen, services := map[teamMilestone]moment{}, map[int64]teamSeen{}, map[int64]firstDeployment{}
	sources := map[int64]int64{}
	var access []any
	for i := range records {
		r := &records[i]
		if first, known := sources[r.IDs.Source]; !known || measure.Day(r.Time) < first {
			sources[r.IDs.Source] = measure.Day(r.Time)
		}
		if r.IDs.Service != 0 && deployment(r) {
			found := firstDeployment{moment: moment{r.Time.UnixMicro(), r.Seq}, team: r.IDs.Team, source: r.IDs.Source}
			if onPath(r) {
				found.path = 1
			}
			if !begins(r.Type) {
				found.there = 1
			}
			if known, ok := services[r.IDs.Service]; !ok || found.before(known.moment) {
				services[r.IDs.Service] = found
			}
		}
		if r.IDs.Team == 0 {
			continue
		}
		see(seen, r)
		if m := milestoneOf(r); m != "" {
			keepFirst(milestones, teamMilestone{r.IDs.Team, m}, r)
		}
		if what := accessOf(r.Type); what != "" {
			for _, person := range persons(r, what) {
				access = append(access, r.Seq, person, r.IDs.Team, r.Time.UnixMicro(), what)
			}
		}
	}
	if err := insertAccess.Run(ctx, tx, access); err != nil {
		return err
	}
	var args []any
	for _, k := range slices.SortedFunc(maps.Keys(milestones), func(a, b teamMilestone) int {
		return cmp.Or(cmp.Compare(a.team, b.team), cmp.Compare(a.milestone, b.milestone))
	}) {
		args = append(args, k.team, string(k.milestone), milestones[k].at, milestones[k].seq)
	}
	if err := upsertMilestone.Run(ctx, tx, args); err != nil {
		return err
	}
	args = args[:0]
	for _, team := range slices.Sorted(maps.Keys(seen)) {
		args = append(args, team, seen[team].since, seen[team].created, seen[team].deleted)
	}
	if err := upsertTeamSeen.Run(ctx, tx, args); err != nil {
		return err
	}
	args = args[:0]
	for _, id := range slices.Sorted(maps.Keys(services)) {
		s := services[id]
		args = append(args, id, s.team, s.source, s.at, s.path, s.there, s.seq)
	}
	if err := upsertServiceFirst.Run(ctx, tx, args); err != nil {
		return err
	}
	args = args[:0]
	for _, source := range slices.Sorted(maps.Keys(sources)) {
		args = append(args, source, sources[source])
	}
	return upsertSourceFirst.Run(ctx, tx, args)
}

func see(seen map[int64]teamSeen, r *event.Record) {
	at := r.Time.UnixMicro()
	team, known := seen[r.IDs.Team]
	if !known || at < team.since {
		team.since = at
	}
	switch r.Type {
	case typeTeamCreated:
		team.created = max(team.created, at)
	case typeTeamDeleted:
		team.deleted = max(team.deleted, at)
	}
	seen[r.IDs.Team] = team
}

// Event types that tell of a milestone.
const (
	TypeAccessAsked   = catalog.TypeAccessAsked
	TypeAccessGranted = catalog.TypeAccessGranted
	TypeAccessRevoked = catalog.TypeAccessRevoked
	TypeAlertReceived = "dev.stoa.alert.received"
	typeTeamCreated   = "dev.stoa.team.created"
	typeTeamDeleted   = "dev.stoa.team.deleted"
)

// capabilityLogs is the capability of Stoa that a milestone is about.
const capabilityLogs = "logs"

// milestoneOf says which milestone an event is, "" for none. A team that got a
// member has access, whoever asked for it.
func milestoneOf(r *event.Record) Milestone {
	switch r.Type {
	case TypeAccessAsked:
		return AccessAsked
	case TypeAccessGranted:
		if r.Extensions[catalog.ExtBrought] == "true" {
			return ""
		}
		return AccessGranted
	case TypeAlertReceived:
		return FirstAlert
	case event.TypeUsage:
		if r.Capability == capabilityLogs {
			return FirstLogQuery
		}
		return ""
	}
	if onPath(r) && deployment(r) {
		return FirstDeployment
	}
	return ""
}

// deployment reports whether an event tells that a release came to serve.
func deployment(r *event.Record) bool {
	subject, predicate, ok := event.CDEvent(r.Type)
	return ok && subject == "service" && (predicate == "deployed" || predicate == "upgraded" || predicate == "rolledback")
}

// begins reports whether a deployment is told as the first of a service in an
// environment; an upgrade and a rollback replace what served before.
func begins(eventType string) bool {
	_, predicate, _ := event.CDEvent(eventType)
	return predicate == "deployed"
}

// onPath reports whether a deployment took the golden path: Stoa brought it.
func onPath(r *event.Record) bool { return r.Capability == event.CapabilityDeploy }

func accessOf(eventType string) string {
	switch eventType {
	case TypeAccessAsked:
		return "asked"
	case TypeAccessGranted:
		return "granted"
	case TypeAccessRevoked:
		return "revoked"
	}
	return ""
}

// persons are whom an event about access is about: those that it names, else who
// asked; "" is everybody who had asked.
func persons(r *event.Record, what string) []string {
	switch {
	case len(r.Names) > 0:
		return slices.Compact(slices.Sorted(slices.Values(r.Names)))
	case what == "asked":
		return []string{r.Actor}
	}
	return []string{""}
}

// Reached is a milestone that a team has reached, with the event that proves it.
type Reached struct {
	Milestone Milestone `json:"milestone"`
	At        time.Time `json:"at"`
	Seq       int64     `json:"seq"`
}

// Querier reads from the database.
type Querier = event.Querier

// TeamMilestones gives what a team has reached, in the usual order. What is not
// in the list was not reached, or nothing is known about it.
func TeamMilestones(ctx context.Context, db Querier, team string) ([]Reached, error) {
	rows, err := db.Query(ctx, `SELECT m.milestone, m.at, m.seq FROM milestones m JOIN dim d ON d.id = m.team
		WHERE d.kind = $1 AND d.name = $2`, event.DimTeam, team)
	if err != nil {
		return nil, fmt.Errorf("read milestones of team %s: %w", team, err)
	}
	defer rows.Close()
	reached := []Reached{}
	for rows.Next() {
		var r Reached
		var at int64
		if err := rows.Scan(&r.Milestone, &at, &r.Seq); err != nil {
			return nil, fmt.Errorf("read milestones of team %s: %w", team, err)
		}
		r.At = time.UnixMicro(at).UTC()
		reached = append(reached, r)
	}
	order := MilestoneOrder()
	slices.SortFunc(reached, func(a, b Reached) int {
		return cmp.Compare(slices.Index(order, a.Milestone), slices.Index(order, b.Milestone))
	})
	return reached, rows.Err()
}
