package adoption

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/expr"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/object"
)

// Store is what the organisation is made of.
type Store interface {
	object.Reader
	event.Querier
	// Fingerprint changes with every write of an object of the kinds.
	Fingerprint(ctx context.Context, kinds ...string) (string, error)
}

// Organisation gives the organisation that measures are about, made of what is
// declared and of what the ledger has named. It implements
// measure.Organisation and keeps what it made until something changes.
type Organisation struct {
	store Store
	clock func() time.Time
	teams *expr.Conditions
	uses  *expr.Conditions

	mu    sync.Mutex
	state string
	org   *measure.Org
	names names
}

// NewOrganisation makes an organisation.
func NewOrganisation(store Store, clock func() time.Time) *Organisation {
	return &Organisation{store: store, clock: clock, teams: teamConditions(), uses: catalog.UseConditions()}
}

// Org gives the organisation as it stands now. Nobody may change it.
func (o *Organisation) Org(ctx context.Context) (*measure.Org, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	state, err := o.fingerprint(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the organisation: %w", err)
	}
	if o.org != nil && state == o.state {
		return o.org, nil
	}
	if err := o.names.read(ctx, o.store); err != nil {
		return nil, fmt.Errorf("read the organisation: %w", err)
	}
	d, err := o.declared(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the organisation: %w", err)
	}
	org, err := o.build(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("read the organisation: %w", err)
	}
	o.org, o.state = org, state
	return org, nil
}

// fingerprint changes when the organisation may have: the objects, the names in
// the ledger, the kinds of use, the times of teams.
func (o *Organisation) fingerprint(ctx context.Context) (string, error) {
	objects, err := o.store.Fingerprint(ctx, "Team", "User", "Environment", "Capability", "Segment", "Cohort", "Exception")
	if err != nil {
		return "", err
	}
	var names, kinds, teams, since, changed int64
	err = o.store.QueryRow(ctx, `SELECT (SELECT coalesce(max(id), 0) FROM dim), (SELECT coalesce(max(id), 0) FROM use_kind),
		count(*), CAST(coalesce(sum(since / 1000000), 0) AS BIGINT), CAST(coalesce(sum(created / 1000000 + deleted / 1000000), 0) AS BIGINT) FROM team_seen`).
		Scan(&names, &kinds, &teams, &since, &changed)
	return fmt.Sprintf("%s%d %d %d %d %d", objects, names, kinds, teams, since, changed), err
}

// declared are the objects that the organisation is made of.
type declared struct {
	teams        []catalog.Team
	environments []catalog.Environment
	capabilities []catalog.Capability
	segments     []Segment
	cohorts      []Cohort
	exceptions   []optOut
	insiders     []string // principals
}

// declared reads them.
func (o *Organisation) declared(ctx context.Context) (d declared, err error) {
	all := object.Query{Limit: 1000}
	if d.teams, err = object.All[catalog.Team](ctx, o.store, all); err != nil {
		return d, err
	}
	if d.environments, err = object.All[catalog.Environment](ctx, o.store, all); err != nil {
		return d, err
	}
	if d.capabilities, err = object.All[catalog.Capability](ctx, o.store, all); err != nil {
		return d, err
	}
	if d.segments, err = object.All[Segment](ctx, o.store, all); err != nil {
		return d, err
	}
	if d.cohorts, err = object.All[Cohort](ctx, o.store, all); err != nil {
		return d, err
	}
	if d.exceptions, err = optOuts(ctx, o.store); err != nil {
		return d, err
	}
	for _, role := range platformRoles() {
		users, err := object.All[catalog.User](ctx, o.store, object.Query{Fields: map[string]string{"spec.role": role}, Limit: 1000})
		if err != nil {
			return d, err
		}
		for _, u := range users {
			d.insiders = append(d.insiders, "user/"+u.Metadata.Name)
		}
	}
	for _, t := range d.teams {
		if !t.Spec.Platform {
			continue
		}
		for _, name := range slices.Concat(t.Spec.Owners, t.Spec.Members) {
			d.insiders = append(d.insiders, "user/"+name)
		}
	}
	slices.Sort(d.insiders)
	d.insiders = slices.Compact(d.insiders)
	return d, nil
}

// build makes the organisation of what is declared and of the ledger's names.
func (o *Organisation) build(ctx context.Context, d declared) (*measure.Org, error) {
	org := &measure.Org{
		Production: production(d.environments, o.names.environments), Services: o.names.services,
		CapabilityNames: o.names.capabilities, Types: o.names.types,
	}
	seen, err := readTeamsSeen(ctx, o.store)
	if err != nil {
		return nil, err
	}
	if org.Teams, err = o.teamsOf(ctx, d, seen); err != nil {
		return nil, err
	}
	org.Capabilities = o.capabilitiesOf(d)
	org.Names = o.namesOf(d)
	if org.Kinds, err = o.kindsOf(ctx, d); err != nil {
		return nil, err
	}
	if org.Insiders, err = numbersOf(ctx, o.store, d.insiders); err != nil {
		return nil, err
	}
	org.Index()
	return org, nil
}

// namesOf gives the names that are known beside those of what is counted.
func (o *Organisation) namesOf(d declared) map[measure.Dimension][]string {
	names := map[measure.Dimension][]string{measure.ByTeam: slices.Collect(maps.Values(o.names.teams))}
	for _, t := range d.teams {
		names[measure.ByTeam] = append(names[measure.ByTeam], t.Spec.Formerly...)
	}
	for _, s := range d.segments {
		names[measure.BySegment] = append(names[measure.BySegment], s.Metadata.Name)
	}
	for _, c := range d.cohorts {
		names[measure.ByWave] = append(names[measure.ByWave], c.Metadata.Name)
	}
	return names
}

// production gives the environments whose deployments count: those declared so,
// and those that nobody declared and whose name says it.
func production(declared []catalog.Environment, names map[int64]string) map[int64]bool {
	counts := map[string]bool{"production": true, "prod": true, "prd": true, "live": true}
	for _, e := range declared {
		counts[e.Metadata.Name] = e.Spec.Production
	}
	numbers := map[int64]bool{}
	for id, name := range names {
		if counts[name] {
			numbers[id] = true
		}
	}
	return numbers
}

// numbersOf gives the numbers that principals have as actors in the ledger.
func numbersOf(ctx context.Context, db Querier, principals []string) (map[int64]bool, error) {
	numbers := map[int64]bool{}
	for _, principal := range principals {
		rows, err := db.Query(ctx, "SELECT d.id FROM persons p JOIN dim d ON d.kind = $1 AND d.name = p.pseudonym WHERE p.principal = $2",
			event.DimActor, principal)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				_ = rows.Close()
				return nil, err
			}
			numbers[id] = true
		}
		if err := rows.Close(); err != nil {
			return nil, err
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}
