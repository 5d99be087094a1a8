// Package past reads what became of an object: its versions and releases, with who
// made each and why.
package past

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Version is one version of an object in `stoa history -o json`.
type Version struct {
	Version int64           `json:"version"`
	Actor   string          `json:"actor"`
	Reason  string          `json:"reason,omitempty"` // absent too when the ledger may not be read
	At      time.Time       `json:"at"`
	Deleted bool            `json:"deleted,omitempty"`
	Changes []output.Change `json:"changes"`
	Object  *client.Object  `json:"object,omitempty"`
}

// Release is one release in the history of a service.
type Release struct {
	Release     string    `json:"release"`
	Environment string    `json:"environment"`
	Cause       string    `json:"cause"`
	Phase       string    `json:"phase"`
	Actor       string    `json:"actor,omitempty"` // absent when the ledger may not be read
	Reason      string    `json:"reason,omitempty"`
	Commit      string    `json:"commit,omitempty"`
	At          time.Time `json:"at,omitzero"`
}

// What says in a few words what a version changed, "" if only its status.
func (v Version) What() string {
	const most = 4
	var paths []string
	for _, ch := range v.Changes {
		paths = append(paths, ch.Path)
	}
	switch {
	case v.Deleted:
		return "deleted"
	case v.Version == 1:
		return "created"
	case len(paths) > most:
		return strings.Join(paths[:most], ", ") + fmt.Sprintf(" and %d more", len(paths)-most)
	}
	return strings.Join(paths, ", ")
}

// Releases lists a service's releases, newest first, with who made each and why.
func Releases(ctx context.Context, cl *client.Client, service string, limit int) ([]Release, error) {
	page, err := cl.List(ctx, "releases", client.Query{Fields: map[string]string{"spec.service": service}, Newest: true, Limit: limit})
	if err != nil {
		return nil, err
	}
	facts, err := told(ctx, cl, client.EventQuery{
		Service: service, Types: []string{"dev.stoa.release.created", "dev.stoa.release.updated"}, Limit: min(1000, 2*limit),
	})
	if err != nil {
		return nil, err
	}
	who, why := map[string]string{}, map[string]string{}
	for _, e := range facts { // newest first: why it was cancelled comes before why it was made
		if reason := saidOf(e).Reason; reason != "" && why[e.Subject] == "" {
			why[e.Subject] = reason
		}
		if e.Type == "dev.stoa.release.created" {
			who[e.Subject] = e.Actor
		}
	}
	all := make([]Release, 0, len(page.Items))
	for _, raw := range page.Items {
		var rel client.Release
		if err := json.Unmarshal(raw, &rel); err != nil {
			return nil, fmt.Errorf("decode answer: %w", err)
		}
		ref := "release/" + rel.Metadata.Name
		r := Release{
			Release: rel.Metadata.Name, Environment: rel.Spec.Environment, Cause: rel.Spec.Cause, Phase: string(rel.Status.Phase),
			Commit: rel.Status.Commit, Actor: who[ref], Reason: why[ref],
		}
		if at := cmp.Or(rel.Status.Started, rel.Metadata.Created); at != nil {
			r.At = *at
		}
		all = append(all, r)
	}
	return all, nil
}

// Versions are the newest of an object, with who made each and why.
func Versions(ctx context.Context, cl *client.Client, kind client.Kind, name string, limit int) ([]Version, string, error) {
	revisions, next, err := cl.History(ctx, kind.Plural, name, "", limit)
	if err != nil {
		return nil, "", err
	}
	why, err := reasons(ctx, cl, kind, name, limit)
	all := []Version{}
	for _, r := range revisions {
		all = append(all, Version{r.Version, r.Actor, why[r.Version], r.At, r.Deleted, output.Changes(r.Changes), &r.Object})
	}
	return all, next, err
}

// reasons gives why people changed an object, by the version that came of it.
func reasons(ctx context.Context, cl *client.Client, kind client.Kind, name string, limit int) (map[int64]string, error) {
	of := "dev.stoa." + strings.ToLower(kind.Name) + "."
	facts, err := told(ctx, cl, client.EventQuery{
		Subject: object.Ref{Kind: kind.Name, Name: name}.String(), Types: []string{of + "created", of + "updated", of + "deleted"}, Limit: min(1000, limit),
	})
	why := map[int64]string{}
	for _, e := range facts {
		said := saidOf(e)
		why[said.Version] = said.Reason
	}
	return why, err
}

// told gives events, none to who may not read the ledger.
func told(ctx context.Context, cl *client.Client, q client.EventQuery) ([]client.Event, error) {
	facts, _, err := cl.Events(ctx, q)
	if problem.Is(err, problem.Forbidden) {
		return nil, nil
	}
	return facts, err
}

// said is what an event of a change tells, beside what was changed.
type said struct {
	Version int64  `json:"version"`
	Reason  string `json:"reason"` // why, as the person who did it said
}

func saidOf(e client.Event) (fact said) {
	_ = json.Unmarshal(e.Data, &fact) // an erased payload says nothing
	return fact
}

// VersionTable shows what people changed; that a worker wrote what it saw is left to
// -o json.
func VersionTable(items []Version) (header []string, rows [][]string) {
	for _, v := range items {
		if what := v.What(); what != "" {
			rows = append(rows, []string{fmt.Sprint(v.Version), v.At.Local().Format(time.DateTime), v.Actor, what, v.Reason})
		}
	}
	return []string{"VERSION", "WHEN", "WHO", "WHAT", "WHY"}, rows
}

// ReleaseTable shows releases, a line each.
func ReleaseTable(items []Release) (header []string, rows [][]string) {
	rows = make([][]string, len(items))
	for i, r := range items {
		when := ""
		if !r.At.IsZero() {
			when = r.At.Local().Format(time.DateTime)
		}
		rows[i] = []string{r.Release, r.Environment, r.Cause, r.Phase, when, r.Actor, r.Commit[:min(12, len(r.Commit))], r.Reason}
	}
	return []string{"RELEASE", "ENVIRONMENT", "CAUSE", "PHASE", "WHEN", "WHO", "COMMIT", "WHY"}, rows
}
