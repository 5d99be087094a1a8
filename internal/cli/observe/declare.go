package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/history"
	"github.com/stoa-platform/stoa/internal/object"
)

// declared is what became of the services and teams that were found.
type declared struct {
	Teams    []string          `json:"teams"`    // that are new
	Services []string          `json:"services"` // that are new
	Known    int               `json:"known"`    // services that were there and stay as they are
	Unowned  map[string]string `json:"unowned"`  // services of no known team, with what is known of their owner
}

// declare creates the teams and services that were found and are not there.
// What is there is never changed: a person may have said better.
func declare(ctx context.Context, cl *client.Client, repos []history.Repository, teams []string) (*declared, error) {
	d := &declared{Teams: []string{}, Services: []string{}, Unowned: map[string]string{}}
	services, err := all[catalog.Service](ctx, cl, "services")
	if err != nil {
		return nil, err
	}
	there, err := all[catalog.Team](ctx, cl, "teams")
	if err != nil {
		return nil, err
	}
	users, err := all[catalog.User](ctx, cl, "users")
	if err != nil {
		return nil, err
	}
	reasons := map[string]string{} // of teams that are new
	for _, name := range teams {
		if _, ok := there[name]; !ok {
			reasons[name] = "a team of the source"
		}
	}
	var objects []object.Object
	for _, r := range repos {
		if _, ok := services[r.Service]; ok {
			d.Known++
			continue
		}
		owner := r.Owner
		if owner.Team == "" && owner.Author != "" {
			owner.Team = teamOf(owner.Author, users, there)
		}
		if owner.Team == "" {
			d.Unowned[r.Service] = strings.TrimPrefix(owner.Author+", "+owner.Source, ", ")
			continue
		}
		if _, ok := there[owner.Team]; !ok && reasons[owner.Team] == "" {
			reasons[owner.Team] = owner.Source
		}
		service := object.New[catalog.ServiceSpec, catalog.ServiceStatus](r.Service, owner.Team, catalog.ServiceSpec{Repository: r.URL, OwnerSource: owner.Source})
		o, err := service.Object()
		if err != nil {
			return nil, err
		}
		objects, d.Services = append(objects, o), append(d.Services, r.Service)
	}
	var first []object.Object
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		team := object.New[catalog.TeamSpec, struct{}](name, name, catalog.TeamSpec{})
		if reasons[name] != "" {
			team.Metadata.Annotations = map[string]string{"stoa.dev/inferred-from": reasons[name]}
		}
		o, err := team.Object()
		if err != nil {
			return nil, err
		}
		first, d.Teams = append(first, o), append(d.Teams, name)
	}
	return d, applyAll(ctx, cl, append(first, objects...))
}

// applyAll declares objects a few hundred at a time.
func applyAll(ctx context.Context, cl *client.Client, objects []object.Object) error {
	for some := range slices.Chunk(objects, 500) {
		var text bytes.Buffer
		for _, o := range some {
			raw, err := object.EncodeYAML(o)
			if err != nil {
				return err
			}
			text.WriteString("---\n")
			text.Write(raw)
		}
		if _, err := cl.Apply(ctx, &text, "what was found", "found by stoa connect", false); err != nil {
			return err
		}
	}
	return nil
}

// all lists the objects of a kind by name.
func all[O any, P object.Loader[O]](ctx context.Context, cl *client.Client, plural string) (map[string]O, error) {
	found := map[string]O{}
	for raw, err := range cl.All(ctx, plural) {
		if err != nil {
			return nil, err
		}
		var o object.Object
		var typed O
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, fmt.Errorf("decode %s: %w", plural, err)
		}
		if err := P(&typed).From(o); err != nil {
			return nil, fmt.Errorf("decode %s: %w", plural, err)
		}
		found[o.Metadata.Name] = typed
	}
	return found, nil
}

// teamOf finds the one team of the person who commits under a name.
func teamOf(author string, users map[string]catalog.User, teams map[string]catalog.Team) string {
	slug := object.SlugName(author)
	name := ""
	for n, u := range users {
		if slug != "" && (n == slug || object.SlugName(u.Metadata.Title) == slug) {
			name = n
			break
		}
	}
	team := ""
	for n, t := range teams {
		if name != "" && (slices.Contains(t.Spec.Owners, name) || slices.Contains(t.Spec.Members, name)) {
			if team != "" {
				return "" // of several, nobody can tell which
			}
			team = n
		}
	}
	return team
}

// tell says what was declared.
func (d *declared) tell(c *output.Printer) {
	fmt.Fprintf(c.Out, "%s and %s declared, %d known before\n", output.Count(len(d.Services), "service"), output.Count(len(d.Teams), "team"), d.Known)
	if len(d.Services) > 0 {
		c.Note("their owners read \"unconfirmed\" until somebody says so: stoa get services")
	}
	for i, name := range slices.Sorted(maps.Keys(d.Unowned)) {
		if i == shownTroubles {
			c.Note("… and %d more without a team", len(d.Unowned)-i)
			break
		}
		why := d.Unowned[name]
		if why != "" {
			why = "; most active: " + why
		}
		c.Note("%s was not declared: no team is known%s; --team NAME says whose it is", name, why)
	}
}
