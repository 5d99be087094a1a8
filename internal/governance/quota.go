package governance

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Quotas is the gate that counts services, instances and memory.
type Quotas struct{}

// usage is what one team's services take, or one service of it.
type usage struct {
	services, instances, memory int64
}

func (u usage) add(v usage) usage {
	return usage{u.services + v.services, u.instances + v.instances, u.memory + v.memory}
}

func usageOf(s catalog.Service) usage {
	u := usage{services: 1}
	for _, running := range s.Spec.Environments {
		memory, err := catalog.ParseBytes(cmp.Or(running.Memory, catalog.DefaultMemory))
		if err != nil {
			continue // validation has refused it
		}
		u.instances += int64(running.Replicas)
		u.memory += int64(running.Replicas) * memory
	}
	return u
}

// Check judges every team whose services the change makes larger.
func (Quotas) Check(ctx context.Context, r object.Reader, c *admission.Change) ([]problem.Verdict, error) {
	wanted := map[string]map[string]catalog.Service{} // team → name → service as it shall be
	for _, d := range c.Drafts {
		if d.Kind.Name != "Service" || d.Delete {
			continue
		}
		var s catalog.Service
		if !decode(d.Want, &s) {
			continue
		}
		team := s.Metadata.Owner
		if wanted[team] == nil {
			wanted[team] = map[string]catalog.Service{}
		}
		wanted[team][s.Metadata.Name] = s
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	quotas, err := object.All[Quota](ctx, r, object.Query{})
	if err != nil {
		return nil, err
	}
	var verdicts []problem.Verdict
	for team, services := range wanted {
		quota := quotaOf(quotas, team)
		if quota == nil {
			continue
		}
		said, err := judge(ctx, r, c, *quota, team, services)
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, said...)
	}
	slices.SortFunc(verdicts, func(a, b problem.Verdict) int { return cmp.Compare(a.Message, b.Message) })
	return verdicts, nil
}

// quotaOf returns the team's quota, else the one for every team, else nil.
func quotaOf(quotas []Quota, team string) *Quota {
	var common *Quota
	for i, q := range quotas {
		switch q.Spec.Team {
		case team:
			return &quotas[i]
		case "":
			common = &quotas[i]
		}
	}
	return common
}

func judge(ctx context.Context, r object.Reader, c *admission.Change, q Quota, team string, wanted map[string]catalog.Service) ([]problem.Verdict, error) {
	owned, err := object.All[catalog.Service](ctx, r, object.Query{Owner: team})
	if err != nil {
		return nil, err
	}
	var before, after usage
	for _, s := range owned {
		before = before.add(usageOf(s))
		if _, changes := wanted[s.Metadata.Name]; !changes {
			after = after.add(usageOf(s))
		}
	}
	for _, s := range wanted {
		after = after.add(usageOf(s))
	}
	memory, err := catalog.ParseBytes(cmp.Or(q.Spec.Memory, "1Ti"))
	if err != nil {
		return nil, fmt.Errorf("quota %s: %w", q.Metadata.Name, err)
	}
	if q.Spec.Memory == "" {
		memory = 0
	}
	limit := usage{int64(q.Spec.Services), int64(q.Spec.Instances), memory}
	over := usage{
		excess(before.services, after.services, limit.services),
		excess(before.instances, after.instances, limit.instances),
		excess(before.memory, after.memory, limit.memory),
	}
	rest := room{quota: q.Metadata.Name, left: limit.services - before.services, over: over, grown: growing(c, owned, wanted), others: without(owned, wanted)}
	var verdicts []problem.Verdict
	for _, dim := range dimensions {
		before, after, limit := dim.of(before), dim.of(after), dim.of(limit)
		if limit == 0 || after <= before {
			continue
		}
		used, most, asked := float64(before), float64(limit), float64(after-before)
		v := problem.Verdict{
			Gate: "quota/" + q.Metadata.Name, Outcome: problem.Allow,
			Used: &used, Limit: &most, Requested: &asked, Unit: dim.unit, Docs: "/docs/quotas",
			Message: fmt.Sprintf("%s quota of team %s: %s of %s", dim.what, team, dim.show(after), dim.show(limit)),
		}
		if dim.of(over) > 0 {
			v.Outcome, v.Decider, v.Next = problem.Deny, "@platform", rest.remedies(dim)
			v.Message = fmt.Sprintf("%s quota of team %s: %s of %s used, this change asks for %s more",
				dim.what, team, dim.show(before), dim.show(limit), dim.show(after-before))
			v.Why = whyDenied(q, owned, dim)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

// whyDenied names the quota, and who takes the most of what it limits.
func whyDenied(q Quota, owned []catalog.Service, dim dimension) []string {
	why := []string{"quota/" + q.Metadata.Name + limitedSince(q)}
	if dim.what == "services" {
		return why // each counts one
	}
	if most := largest(owned, dim.of, dim.show); most != "" {
		why = append(why, "most: "+most)
	}
	return why
}

// excess is by how much a change that makes a team larger passes a limit.
func excess(before, after, limit int64) int64 {
	if limit == 0 || after <= before {
		return 0
	}
	return max(0, after-limit)
}

// dimension is one of the things that a quota counts.
type dimension struct {
	what, unit string
	of         func(usage) int64
	show       func(int64) string
}

var dimensions = []dimension{
	{"services", "services", func(u usage) int64 { return u.services }, number},
	{"instances", "instances", func(u usage) int64 { return u.instances }, number},
	{"memory", "bytes", func(u usage) int64 { return u.memory }, catalog.FormatBytes},
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func limitedSince(q Quota) string {
	if q.Metadata.Updated == nil {
		return ""
	}
	return ", set on " + q.Metadata.Updated.UTC().Format("2006-01-02")
}

// largest names the two services that take the most.
func largest(owned []catalog.Service, of func(usage) int64, show func(int64) string) string {
	slices.SortFunc(owned, func(a, b catalog.Service) int { return cmp.Compare(of(usageOf(b)), of(usageOf(a))) })
	text := ""
	for _, s := range owned[:min(2, len(owned))] {
		if n := of(usageOf(s)); n > 0 {
			if text != "" {
				text += ", "
			}
			text += s.Metadata.Name + " " + show(n)
		}
	}
	return text
}
