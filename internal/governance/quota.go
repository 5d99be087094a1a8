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
		said, err := judge(ctx, r, *quota, team, services)
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

func judge(ctx context.Context, r object.Reader, q Quota, team string, wanted map[string]catalog.Service) ([]problem.Verdict, error) {
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
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	var verdicts []problem.Verdict
	for _, dim := range []struct {
		what                 string
		before, after, limit int64
		unit                 string
		show                 func(int64) string
		largest              func(usage) int64
	}{
		{"services", before.services, after.services, int64(q.Spec.Services), "services", number, nil},
		{"instances", before.instances, after.instances, int64(q.Spec.Instances), "instances", number, func(u usage) int64 { return u.instances }},
		{"memory", before.memory, after.memory, memory, "bytes", catalog.FormatBytes, func(u usage) int64 { return u.memory }},
	} {
		if dim.limit == 0 || dim.after <= dim.before {
			continue
		}
		used, limit, asked := float64(dim.before), float64(dim.limit), float64(dim.after-dim.before)
		v := problem.Verdict{
			Gate: "quota/" + q.Metadata.Name, Outcome: admission.Allow,
			Used: &used, Limit: &limit, Requested: &asked, Unit: dim.unit, Docs: "/docs/quotas",
			Message: fmt.Sprintf("%s quota of team %s: %s of %s", dim.what, team, dim.show(dim.after), dim.show(dim.limit)),
		}
		if dim.after > dim.limit {
			v.Outcome, v.Decider = admission.Deny, "@platform"
			v.Message = fmt.Sprintf("%s quota of team %s: %s of %s used, this change asks for %s more",
				dim.what, team, dim.show(dim.before), dim.show(dim.limit), dim.show(dim.after-dim.before))
			v.Why = []string{"quota/" + q.Metadata.Name + limitedSince(q)}
			if dim.largest != nil {
				if most := largest(owned, dim.largest, dim.show); most != "" {
					v.Why = append(v.Why, "most: "+most)
				}
			}
			v.Next = remedies(dim.what, dim.limit-dim.before, dim.show)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

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

func remedies(what string, left int64, show func(int64) string) []string {
	var next []string
	if left > 0 {
		switch what {
		case "instances":
			next = append(next, fmt.Sprintf("stoa up --replicas %d    fits now", left))
		case "memory":
			next = append(next, fmt.Sprintf("ask for at most %s in all: stoa up --memory … or fewer --replicas", show(left)))
		}
	}
	if what == "services" {
		return append(next, "stoa delete service NAME    removes one that is not used any more")
	}
	return append(next, "stoa scale SERVICE --replicas N    gives some back")
}
