package adoption

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
)

// Milestone is a step that every team takes once on its way onto the platform.
type Milestone string

// The milestones, in the order in which most teams reach them.
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

// Milestones keeps the first event of each kind for each team, with its
// sequence as the evidence. First is by the event's own time, so that imported
// history counts; of two at the same time the one that came first.
type Milestones struct{}

// Name is the projection's name.
func (Milestones) Name() string { return "milestones" }

// Version grows when the rows that follow from the same events change.
func (Milestones) Version() int { return 1 }

// Reset empties the table.
func (Milestones) Reset(ctx context.Context, tx event.SQL) error {
	if _, err := tx.Exec(ctx, "DELETE FROM milestones"); err != nil {
		return fmt.Errorf("empty milestones: %w", err)
	}
	return nil
}

type teamMilestone struct {
	team      int64
	milestone Milestone
}

type evidence struct{ at, seq int64 }

func (e evidence) before(o evidence) bool {
	return cmp.Or(cmp.Compare(e.at, o.at), cmp.Compare(e.seq, o.seq)) < 0
}

// Apply keeps what is earlier than what is there.
func (Milestones) Apply(ctx context.Context, tx event.SQL, records []event.Record) error {
	first := map[teamMilestone]evidence{}
	for i := range records {
		r := &records[i]
		milestone := milestoneOf(r)
		if milestone == "" || r.IDs.Team == 0 {
			continue
		}
		key, found := teamMilestone{r.IDs.Team, milestone}, evidence{r.Time.UnixMicro(), r.Seq}
		if known, ok := first[key]; !ok || found.before(known) {
			first[key] = found
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(first), func(a, b teamMilestone) int {
		return cmp.Or(cmp.Compare(a.team, b.team), cmp.Compare(a.milestone, b.milestone))
	}) {
		if _, err := tx.Exec(ctx, `INSERT INTO milestones (team, milestone, at, seq) VALUES ($1, $2, $3, $4)
			ON CONFLICT (team, milestone) DO UPDATE SET at = excluded.at, seq = excluded.seq
			WHERE excluded.at < milestones.at OR (excluded.at = milestones.at AND excluded.seq < milestones.seq)`,
			k.team, string(k.milestone), first[k].at, first[k].seq); err != nil {
			return fmt.Errorf("keep milestone %s: %w", k.milestone, err)
		}
	}
	return nil
}

// Event types that tell of a milestone.
const (
	TypeAccessAsked   = "dev.stoa.access.asked"
	TypeAccessGranted = "dev.stoa.access.granted"
	typeTeamCreated   = "dev.stoa.team.created"
	typeUserCreated   = "dev.stoa.user.created"
	TypeAlertReceived = "dev.stoa.alert.received"
	capabilityLogs    = "logs"
)

// milestoneOf says which milestone an event is, "" for none. A team that was
// created, or got a member, has access whoever asked for it.
func milestoneOf(r *event.Record) Milestone {
	switch r.Type {
	case TypeAccessAsked:
		return AccessAsked
	case TypeAccessGranted, typeTeamCreated, typeUserCreated:
		return AccessGranted
	case TypeAlertReceived:
		return FirstAlert
	case event.TypeUsage:
		if r.Capability == capabilityLogs {
			return FirstLogQuery
		}
		return ""
	}
	if subject, predicate, ok := event.CDEvent(r.Type); ok && subject == "service" && (predicate == "deployed" || predicate == "upgraded") {
		return FirstDeployment
	}
	return ""
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
