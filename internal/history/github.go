package history

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/hosted"
	"github.com/stoa-platform/stoa/internal/object"
)

// GitHub reads the repositories of an organisation, or of a person, by the REST API.
type GitHub struct {
	Options
	Host
	Org string
	// IncidentLabel marks the issues that are incidents.
	IncidentLabel string

	api   *api
	found map[string]githubRepository
	teams []string
}

// githubRepository is what is read of a repository itself.
type githubRepository struct {
	ID            int64     `json:"id"`
	Name          string    `json:"name"`
	FullName      string    `json:"full_name"`
	HTMLURL       string    `json:"html_url"`
	DefaultBranch string    `json:"default_branch"`
	Fork          bool      `json:"fork"`
	Size          int64     `json:"size"`
	CreatedAt     time.Time `json:"created_at"`
	PushedAt      time.Time `json:"pushed_at"`
}

// path is where the API keeps the repository.
func (g githubRepository) path(format string, args ...any) string {
	owner, name, _ := strings.Cut(g.FullName, "/")
	return "/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name) + fmt.Sprintf(format, args...)
}

type githubUser struct {
	Login string `json:"login"`
	Type  string `json:"type"`
}

// actor is the account behind what was done; accounts that are gone are nil.
func (u *githubUser) actor() actor {
	if u == nil {
		return actor{}
	}
	a := person("github", u.Login)
	a.bot = a.bot || u.Type == "Bot"
	return a
}

// site gives the address of the host's pages for the one of its API.
func site(api string) string {
	u, err := url.Parse(api)
	if err != nil {
		return api
	}
	host := strings.ToLower(u.Host)
	if host == "api.github.com" {
		host = "github.com"
	}
	return u.Scheme + "://" + host
}

// hostSource is the source of what is told of a repository with a page and a
// path, also where a host does not say its page.
func hostSource(api, page, path string) string {
	if source := hosted.Source(page, path); source != "" {
		return source
	}
	return hosted.Source(site(api)+"/"+path, path)
}

// open makes the connection. What is waited for is told to sink.
func (s *GitHub) open(sink Sink) (err error) {
	if s.api == nil {
		header := http.Header{"Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}}
		s.api, err = newAPI(s.Host, "GitHub", header)
	}
	if err == nil {
		s.api.waiting = sink.Waiting
	}
	return err
}

// List finds the repositories that are not forks, and whose they are.
func (s *GitHub) List(ctx context.Context, sink Sink) ([]Repository, error) {
	if err := s.open(sink); err != nil {
		return nil, err
	}
	s.found, s.teams = map[string]githubRepository{}, nil
	var listed []githubRepository
	take := items(func(g githubRepository) (bool, error) { listed = append(listed, g); return true, nil })
	org := url.PathEscape(s.Org)
	_, err := s.api.pages(ctx, "/orgs/"+org+"/repos?type=all&sort=full_name&direction=asc&per_page=100", "", take)
	person := missing(err)
	if person {
		_, err = s.api.pages(ctx, "/users/"+org+"/repos?type=owner&sort=full_name&direction=asc&per_page=100", "", take)
	}
	if err != nil {
		return nil, s.api.notShown(err, "organisation or person "+s.Org)
	}
	owners := map[string][]string{}
	if !person && s.Team == "" {
		if owners, err = s.owners(ctx, sink); err != nil {
			return nil, err
		}
	}
	var all []Repository
	services, forks := map[string]string{}, 0
	for _, g := range listed {
		if g.Fork {
			forks++
			continue
		}
		r := Repository{
			Key: strconv.FormatInt(g.ID, 10), Path: g.FullName, Name: g.FullName, Source: hostSource(s.API, g.HTMLURL, g.FullName), URL: g.HTMLURL,
			Service: serviceName(g.Name), Created: g.CreatedAt,
		}
		if other := services[r.Service]; other != "" || r.Service == "" {
			sink.Skipped(g.FullName, fmt.Sprintf("no service of its own can be named after it (%q is %s)", r.Service, other))
			continue
		}
		services[r.Service] = g.FullName
		if r.Owner, err = s.owner(ctx, r, g, owners[g.FullName]); err != nil {
			return nil, err
		}
		s.State.owned(r.Key, r.Owner.Team, s.Now)
		s.found[r.Key] = g
		all = append(all, r)
	}
	if forks > 0 {
		sink.Skipped(s.Org, fmt.Sprintf("%d forks: most of their history is that of others", forks))
	}
	return all, nil
}

// Teams names the organisation's teams.
func (s *GitHub) Teams() []string { return s.teams }

// owners gives for each repository the teams that may administer it.
func (s *GitHub) owners(ctx context.Context, sink Sink) (map[string][]string, error) {
	owners := map[string][]string{}
	base := "/orgs/" + url.PathEscape(s.Org) + "/teams"
	_, err := s.api.pages(ctx, base+"?per_page=100", "", items(func(team struct {
		Slug string `json:"slug"`
	}) (bool, error) {
		name := object.SlugName(team.Slug)
		if name == "" {
			return true, nil
		}
		s.teams = append(s.teams, name)
		_, err := s.api.pages(ctx, base+"/"+url.PathEscape(team.Slug)+"/repos?per_page=100", "", items(func(r struct {
			FullName    string `json:"full_name"`
			Permissions struct {
				Admin bool `json:"admin"`
			} `json:"permissions"`
		}) (bool, error) {
			if r.Permissions.Admin {
				owners[r.FullName] = append(owners[r.FullName], name)
			}
			return true, nil
		}))
		if closed(err) {
			err = nil
		}
		return true, err
	}))
	if closed(err) {
		sink.Skipped("teams of "+s.Org, "the token may not read them (read:org)")
		return owners, nil
	}
	return owners, err
}

// owner finds whose a repository is: by CODEOWNERS, else because one team alone
// may administer it.
func (s *GitHub) owner(ctx context.Context, r Repository, g githubRepository, admins []string) (Owner, error) {
	if s.Team != "" {
		return Owner{Team: s.Team}, nil
	}
	team, line, err := s.codeowners(ctx, r, g)
	switch {
	case err != nil || team != "":
		return Owner{Team: team, Source: line}, err
	case len(admins) == 1:
		return Owner{Team: admins[0], Source: "the only team that may administer it"}, nil
	}
	return Owner{}, nil
}

// codeowners reads the owner of the root from CODEOWNERS.
func (s *GitHub) codeowners(ctx context.Context, r Repository, g githubRepository) (team, line string, err error) {
	return s.State.codeowners(r.Key, g.PushedAt, s.Now, []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}, func(file string) ([]byte, error) {
		got, err := s.api.get(ctx, g.path("/contents/%s", file), "")
		var text struct {
			Content []byte `json:"content"`
		}
		if err == nil {
			_ = json.Unmarshal(got.body, &text) // what is no file has no owners
		}
		return text.Content, err
	})
}
