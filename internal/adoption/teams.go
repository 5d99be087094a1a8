package adoption

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/governance"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/object"
)

// platformRoles are the roles of those who run the platform.
func platformRoles() []string {
	return []string{string(auth.PlatformAdmin), string(auth.PlatformMember)}
}

// names are those of the ledger's dimensions by their numbers, which never change:
// what was read is kept, and only what is new is read again. The maps are copied
// before they grow, since an organisation that somebody holds has them.
type names struct {
	last                                        int64
	teams, services, capabilities, environments map[int64]string
	types                                       map[string]int64
	typeNames                                   map[int64]string
	teamIDs, capabilityIDs                      map[string]int64
}

func (n *names) read(ctx context.Context, db Querier) error {
	rows, err := db.Query(ctx, "SELECT id, kind, name FROM dim WHERE id > $1 AND kind IN ($2, $3, $4, $5, $6) ORDER BY id", n.last,
		event.DimType, event.DimTeam, event.DimService, event.DimCapability, event.DimEnvironment)
	if err != nil {
		return err
	}
	defer rows.Close()
	next := names{last: n.last, teams: copyOf(n.teams), services: copyOf(n.services), capabilities: copyOf(n.capabilities), environments: copyOf(n.environments),
		types: copyOf(n.types), typeNames: copyOf(n.typeNames), teamIDs: copyOf(n.teamIDs), capabilityIDs: copyOf(n.capabilityIDs)}
	for rows.Next() {
		var id int64
		var kind event.DimKind
		var name string
		if err := rows.Scan(&id, &kind, &name); err != nil {
			return err
		}
		next.last = id
		switch kind {
		case event.DimType:
			next.types[name], next.typeNames[id] = id, name
		case event.DimTeam:
			next.teams[id], next.teamIDs[name] = name, id
		case event.DimService:
			next.services[id] = name
		case event.DimCapability:
			next.capabilities[id], next.capabilityIDs[name] = name, id
		case event.DimEnvironment:
			next.environments[id] = name
		case event.DimSource, event.DimActor:
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	*n = next
	return nil
}

func copyOf[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

func readTeamsSeen(ctx context.Context, db Querier) (map[int64]teamSeen, error) {
	rows, err := db.Query(ctx, "SELECT team, since, created, deleted FROM team_seen")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	seen := map[int64]teamSeen{}
	for rows.Next() {
		var id int64
		var t teamSeen
		if err := rows.Scan(&id, &t.since, &t.created, &t.deleted); err != nil {
			return nil, err
		}
		seen[id] = t
	}
	return seen, rows.Err()
}

// teamsOf gives the declared teams, and those that were declared once and are gone.
func (o *Organisation) teamsOf(ctx context.Context, d declared, seen map[int64]teamSeen) ([]*measure.Team, error) {
	segments, err := o.segmentsOf(ctx, d)
	if err != nil {
		return nil, err
	}
	waves := map[string]string{}
	for _, c := range d.cohorts {
		for _, team := range c.Spec.Teams {
			if waves[team] == "" {
				waves[team] = c.Metadata.Name
			}
		}
	}
	claimed := map[int64]bool{}
	var teams []*measure.Team
	for _, t := range d.teams {
		name := t.Metadata.Name
		people := slices.Compact(slices.Sorted(slices.Values(slices.Concat(t.Spec.Owners, t.Spec.Members))))
		team := &measure.Team{Name: name, Segment: segments[name], Wave: cmp.Or(waves[name], t.Metadata.Labels[labelWave]), Platform: t.Spec.Platform, Members: len(people)}
		if t.Metadata.Created != nil {
			team.Since = measure.Day(*t.Metadata.Created)
		}
		for _, known := range append([]string{name}, t.Spec.Formerly...) {
			id := o.names.teamIDs[known]
			if id == 0 {
				continue
			}
			claimed[id] = true
			team.IDs = append(team.IDs, id)
			if s, ok := seen[id]; ok {
				team.Since = min(team.Since, measure.DayOf(s.since))
			}
		}
		teams = append(teams, team)
	}
	for id, s := range seen {
		if claimed[id] || s.created == 0 || s.deleted < s.created {
			continue
		}
		teams = append(teams, &measure.Team{Name: o.names.teams[id], IDs: []int64{id}, Since: measure.DayOf(s.since), Until: measure.DayOf(s.deleted) + 1})
	}
	slices.SortFunc(teams, func(a, b *measure.Team) int { return cmp.Compare(a.Name, b.Name) })
	return teams, nil
}

// segmentsOf gives the segment of each declared team.
func (o *Organisation) segmentsOf(ctx context.Context, d declared) (map[string]string, error) {
	of := map[string]string{}
	for _, s := range d.segments {
		for _, team := range s.Spec.Teams {
			if of[team] == "" {
				of[team] = s.Metadata.Name
			}
		}
	}
	for i := range d.teams {
		t := &d.teams[i]
		if of[t.Metadata.Name] != "" {
			continue
		}
		var fields map[string]any
		for _, s := range d.segments {
			if s.Spec.Match == "" {
				continue
			}
			if fields == nil {
				raw, err := json.Marshal(t)
				if err == nil {
					err = json.Unmarshal(raw, &fields)
				}
				if err != nil {
					return nil, fmt.Errorf("read team %s: %w", t.Metadata.Name, err)
				}
			}
			// What reads a field that the team does not have does not take it.
			if takes, err := o.teams.Holds(ctx, s.Spec.Match, map[string]any{"team": fields}); err == nil && takes {
				of[t.Metadata.Name] = s.Metadata.Name
				break
			}
		}
		if of[t.Metadata.Name] == "" {
			of[t.Metadata.Name] = t.Metadata.Labels[labelSegment]
		}
	}
	return of, ctx.Err()
}

// optOut is an exception of a team from a capability.
type optOut struct {
	team, capability string
	since, sunset    time.Time
}

func (e optOut) inForce(at time.Time) bool { return !at.Before(e.since) && at.Before(e.sunset) }

// gateCapability begins the gate of an exception by which a team stays away from
// a capability, such as "capability/deploy".
const gateCapability = "capability/"

func optOuts(ctx context.Context, r object.Reader) ([]optOut, error) {
	exceptions, err := object.All[governance.Exception](ctx, r, object.Query{Limit: 1000})
	if err != nil {
		return nil, err
	}
	var all []optOut
	for _, e := range exceptions {
		capability, isOne := strings.CutPrefix(e.Spec.Gate, gateCapability)
		team, ofTeam := strings.CutPrefix(e.Spec.Target, "team/")
		if isOne && ofTeam {
			out := optOut{team: team, capability: capability, sunset: e.Spec.Sunset}
			if e.Metadata.Created != nil {
				out.since = *e.Metadata.Created
			}
			all = append(all, out)
		}
	}
	return all, nil
}

// capabilitiesOf says which team could use what.
func (o *Organisation) capabilitiesOf(d declared) []*measure.Capability {
	var all []*measure.Capability
	for _, c := range d.capabilities {
		name, spec := c.Metadata.Name, c.Spec
		out := map[string][]optOut{}
		for _, e := range d.exceptions {
			if e.capability == name {
				out[e.team] = append(out[e.team], e)
			}
		}
		all = append(all, &measure.Capability{Name: name, ID: o.names.capabilityIDs[name], Offered: func(t *measure.Team, day int64) bool {
			at := time.UnixMicro(measure.Micros(day + 1)).Add(-time.Microsecond)
			if now := o.clock(); at.After(now) {
				at = now
			}
			return spec.Lifecycle.Offered() && !slices.ContainsFunc(out[t.Name], func(e optOut) bool { return e.inForce(at) }) &&
				(len(spec.Segments) == 0 || slices.Contains(spec.Segments, t.Segment)) &&
				(len(spec.AvailableTo) == 0 || slices.Contains(spec.AvailableTo, t.Name) || slices.Contains(spec.AvailableTo, t.Wave))
		}})
	}
	return all
}

// kindsOf reads the kinds of use and judges which count as adoption.
func (o *Organisation) kindsOf(ctx context.Context, d declared) (map[int64]measure.UseKind, error) {
	conditions := map[string]string{}
	for _, c := range d.capabilities {
		conditions[c.Metadata.Name] = cmp.Or(c.Spec.QualifyingUse, "true")
	}
	rows, err := o.store.Query(ctx, "SELECT id, type, capability, surface FROM use_kind")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	kinds := map[int64]measure.UseKind{}
	for rows.Next() {
		var k measure.UseKind
		var kind int64
		if err := rows.Scan(&k.ID, &kind, &k.CapabilityID, &k.Surface); err != nil {
			return nil, err
		}
		k.Type, k.Capability = o.names.typeNames[kind], o.names.capabilities[k.CapabilityID]
		if condition := conditions[k.Capability]; condition != "" {
			use := map[string]string{"type": k.Type, "capability": k.Capability, "surface": k.Surface}
			qualifies, err := o.uses.Holds(ctx, condition, map[string]any{"use": use})
			k.Qualifies = err == nil && qualifies // a condition that cannot be judged counts nothing
		}
		kinds[k.ID] = k
	}
	return kinds, rows.Err()
}
