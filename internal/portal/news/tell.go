package news

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/governance"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// teller makes sentences of events, the newest first: of what happened several
// times over it tells the last.
type teller struct {
	News
	told map[string]bool
}

// tell makes a sentence of an event, and none of what is no news for the teams.
func (t teller) tell(ctx context.Context, r event.Record) (page.Change, error) {
	var f fact
	_ = json.Unmarshal(r.Data, &f) // erased, or nothing that we wrote: then less is told
	if strings.HasPrefix(r.Type, "dev.cdevents.service.") {
		return t.deployment(r, f), nil
	}
	noun, verb, _ := strings.Cut(strings.TrimPrefix(r.Type, "dev.stoa."), ".")
	_, name, _ := strings.Cut(r.Subject, "/")
	words := map[string]string{"created": "was declared", "updated": "was changed", "deleted": "was taken back"}[verb]
	if words == "" {
		return page.Change{}, nil
	}
	switch noun {
	case "service":
		return t.service(ctx, r, f, name, verb)
	case "team":
		if !slices.Contains(t.Teams, name) {
			return page.Change{}, nil
		}
		return page.Change{Icon: "users-group", Href: "/teams/" + name, Says: "Team " + name + " " + words + of(f)}, nil
	case "exception":
		return t.exception(ctx, name, verb, words)
	case "quota":
		q, gone, err := last[governance.Quota](ctx, t.Objects, name)
		if err != nil || gone || q.Spec.Team != "" && !slices.Contains(t.Teams, q.Spec.Team) {
			return page.Change{}, err
		}
		whose := "every team without one of its own"
		if q.Spec.Team != "" {
			whose = "team " + q.Spec.Team
		}
		return page.Change{Icon: "adjustments", Href: "/teams/" + cmp.Or(q.Spec.Team, t.Teams[0]), Says: fmt.Sprintf("The quota of %s %s%s", whose, words, of(f))}, nil
	case "policy":
		p, gone, err := last[governance.Policy](ctx, t.Objects, name)
		if err != nil || gone {
			return page.Change{}, err
		}
		return page.Change{Icon: "shield-check", Href: "/docs/policies", Says: fmt.Sprintf("Policy %s %s: %s", name, words, p.Spec.Message)}, nil
	}
	return page.Change{}, nil
}

// deployment tells what serves now. Of what other tools deployed there is no page
// but that of the event.
func (t teller) deployment(r event.Record, f fact) page.Change {
	verb, _, _ := strings.Cut(strings.TrimPrefix(r.Type, "dev.cdevents.service."), ".")
	if key := r.Service + " " + r.Environment; r.Service == "" || t.told[key] {
		return page.Change{}
	} else {
		t.told[key] = true
	}
	c := page.Change{Icon: "rocket", Href: "/audit/" + strconv.FormatInt(r.Seq, 10)}
	if strings.HasPrefix(r.Source, "/stoa") && f.Custom.Release != "" {
		c.Href = "/releases/" + f.Custom.Release
	}
	in := ""
	if r.Environment != "" {
		in = " in " + r.Environment
	}
	switch verb {
	case "deployed":
		c.Says = r.Service + " runs" + in + " for the first time"
	case "upgraded":
		c.Says = r.Service + " was released" + in
	case "rolledback":
		c.Icon, c.Says = "arrow-back-up", r.Service+" was rolled back"+in
	default:
		c.Icon, c.Says = "player-pause", r.Service+" no longer runs"+in
		return c
	}
	if f.Custom.Release != "" {
		c.Says += ": " + f.Custom.Release + " serves"
	}
	return c
}

// service tells that one came, went, or has another owner: of what else is declared
// of it its releases tell.
func (t teller) service(ctx context.Context, r event.Record, f fact, name, verb string) (page.Change, error) {
	c := page.Change{Icon: "stack-2", Href: "/services/" + name}
	switch {
	case verb == "created":
		c.Says = fmt.Sprintf("%s is a new service of %s", name, r.Team)
	case verb == "deleted":
		c.Href, c.Says = "/audit/"+strconv.FormatInt(r.Seq, 10), name+" was deleted"
	case slices.Contains(f.Changed, "metadata.owner"):
		c.Says = fmt.Sprintf("%s belongs to %s now", name, r.Team)
		before, err := t.Objects.History(ctx, "Service", name, f.Version, 1)
		if err != nil {
			return c, err
		}
		var was catalog.Service
		if len(before) == 1 && was.Load(before[0].Bytes) == nil && was.Metadata.Owner != "" {
			c.Says = fmt.Sprintf("%s went from %s to %s", name, was.Metadata.Owner, r.Team)
		}
	}
	return c, nil
}

func (t teller) exception(ctx context.Context, name, verb, words string) (page.Change, error) {
	e, _, err := last[governance.Exception](ctx, t.Objects, name)
	if err != nil {
		return page.Change{}, err
	}
	team, err := teamOf(ctx, t.Objects, e.Spec.Target)
	if err != nil || !slices.Contains(t.Teams, team) {
		return page.Change{}, err
	}
	if verb == "created" {
		words = "was granted"
	}
	then := fmt.Sprintf("%s is lifted from %s until %s", e.Spec.Gate, e.Spec.Target, e.Spec.Sunset.UTC().Format("2006-01-02"))
	if verb == "deleted" {
		then = fmt.Sprintf("%s holds for %s again", e.Spec.Gate, e.Spec.Target)
	}
	return page.Change{Icon: "shield-check", Href: "/teams/" + team, Says: fmt.Sprintf("Exception %s %s: %s", name, words, then)}, nil
}

// last reads what is declared of an object, or was before it was deleted; gone is
// true when nothing of it is left.
func last[O any, P object.Loader[O]](ctx context.Context, r Objects, name string) (is O, gone bool, err error) {
	versions, err := r.History(ctx, P(&is).KindName(), name, 0, 2)
	if err != nil {
		return is, true, err
	}
	for _, v := range versions {
		if P(&is).Load(v.Bytes) == nil && !v.Deleted {
			return is, false, nil
		}
	}
	return is, true, nil
}

// of names the fields that a change was of.
func of(f fact) string {
	if len(f.Changed) == 0 {
		return ""
	}
	names := make([]string, 0, len(f.Changed))
	for _, path := range f.Changed[:min(len(f.Changed), 3)] {
		names = append(names, strings.TrimPrefix(path, "spec."))
	}
	return ": " + strings.Join(names, ", ")
}
