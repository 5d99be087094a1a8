package history

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/object"
)

// GitLab reads the projects of a group and of the groups in it, by the REST API.
type GitLab struct {
	Options
	Host
	Group string
	// IncidentLabel marks issues that are incidents, beside those of that type.
	IncidentLabel string

	api   *api
	found map[string]gitlabProject
	teams []string
}

// gitlabProject is what is read of a project itself.
type gitlabProject struct {
	ID            int64     `json:"id"`
	Path          string    `json:"path_with_namespace"`
	WebURL        string    `json:"web_url"`
	DefaultBranch string    `json:"default_branch"`
	CreatedAt     time.Time `json:"created_at"`
	ActiveAt      time.Time `json:"last_activity_at"`
	Forked        *struct {
		ID int64 `json:"id"`
	} `json:"forked_from_project"`
}

// at is where the API keeps the project.
func (g gitlabProject) at(format string, args ...any) string {
	return "/projects/" + strconv.FormatInt(g.ID, 10) + fmt.Sprintf(format, args...)
}

type gitlabUser struct {
	Username string `json:"username"`
	Bot      bool   `json:"bot"`
}

func (u *gitlabUser) actor() actor {
	if u == nil {
		return actor{}
	}
	a := person("gitlab", u.Username)
	// Tokens of projects and groups act as users of such names.
	a.bot = a.bot || u.Bot || strings.HasPrefix(u.Username, "project_") && strings.Contains(u.Username, "_bot") ||
		strings.HasPrefix(u.Username, "group_") && strings.Contains(u.Username, "_bot")
	return a
}

// open makes the connection. What is waited for is told to sink.
func (s *GitLab) open(sink Sink) (err error) {
	if s.api == nil {
		s.api, err = newAPI(s.Host, "GitLab", http.Header{"Accept": {"application/json"}})
	}
	if err == nil {
		s.api.waiting = sink.Waiting
	}
	return err
}

// List finds the projects that are not forks, and whose they are.
func (s *GitLab) List(ctx context.Context, sink Sink) ([]Repository, error) {
	if err := s.open(sink); err != nil {
		return nil, err
	}
	s.found, s.teams = map[string]gitlabProject{}, nil
	listed, err := s.projects(ctx)
	if err != nil {
		return nil, s.api.notShown(err, "group "+s.Group)
	}
	if err := s.groups(ctx, sink); err != nil {
		return nil, err
	}
	var all []Repository
	services, forks := map[string]string{}, 0
	for _, g := range listed {
		if g.Forked != nil {
			forks++
			continue
		}
		below := g.Path // within the group: names need to be unique there only
		if len(below) > len(s.Group)+1 && strings.EqualFold(below[:len(s.Group)+1], s.Group+"/") {
			below = below[len(s.Group)+1:]
		}
		r := Repository{
			Key: strconv.FormatInt(g.ID, 10), Path: g.Path, Name: g.Path, Source: hostSource(s.API, g.WebURL, g.Path), URL: g.WebURL,
			Service: serviceName(below), Created: g.CreatedAt,
		}
		if other := services[r.Service]; other != "" || r.Service == "" {
			sink.Skipped(g.Path, fmt.Sprintf("no service of its own can be named after it (%q is %s)", r.Service, other))
			continue
		}
		services[r.Service] = g.Path
		if r.Owner, err = s.owner(ctx, r, g, below); err != nil {
			return nil, err
		}
		s.State.owned(r.Key, r.Owner.Team, s.Now)
		s.found[r.Key] = g
		all = append(all, r)
	}
	if forks > 0 {
		sink.Skipped(s.Group, fmt.Sprintf("%d forks: most of their history is that of others", forks))
	}
	return all, nil
}

// projects lists the group's projects by keyset where the host can, else by
// pages.
func (s *GitLab) projects(ctx context.Context) ([]gitlabProject, error) {
	address := "/groups/" + url.PathEscape(s.Group) + "/projects?include_subgroups=true&with_shared=false&order_by=id&sort=asc&per_page=100"
	var listed []gitlabProject
	take := items(func(g gitlabProject) (bool, error) { listed = append(listed, g); return true, nil })
	_, err := s.api.pages(ctx, address+"&pagination=keyset", "", take)
	if unknown := statusOf(err); unknown == http.StatusMethodNotAllowed || unknown == http.StatusBadRequest {
		listed = nil
		_, err = s.api.pages(ctx, address, "", take)
	}
	return listed, err
}

// groups lists the groups within the group: they are its teams.
func (s *GitLab) groups(ctx context.Context, sink Sink) error {
	_, err := s.api.pages(ctx, "/groups/"+url.PathEscape(s.Group)+"/descendant_groups?per_page=100", "", items(func(g struct {
		Path string `json:"path"`
	}) (bool, error) {
		if name := object.SlugName(g.Path); name != "" {
			s.teams = append(s.teams, name)
		}
		return true, nil
	}))
	if closed(err) {
		sink.Skipped("groups in "+s.Group, err.Error())
		err = nil
	}
	return err
}

// Teams names the groups within the group.
func (s *GitLab) Teams() []string { return s.teams }

// owner finds whose a project is: by CODEOWNERS, else the group that it is in.
func (s *GitLab) owner(ctx context.Context, r Repository, g gitlabProject, below string) (Owner, error) {
	if s.Team != "" {
		return Owner{Team: s.Team}, nil
	}
	team, line, err := s.codeowners(ctx, r, g)
	if err != nil || team != "" {
		return Owner{Team: team, Source: line}, err
	}
	if parts := strings.Split(below, "/"); len(parts) > 1 {
		return Owner{Team: object.SlugName(parts[len(parts)-2]), Source: "the group that it is in"}, nil
	}
	return Owner{}, nil
}

// codeowners reads the owner of the root from CODEOWNERS.
func (s *GitLab) codeowners(ctx context.Context, r Repository, g gitlabProject) (team, line string, err error) {
	return s.State.codeowners(r.Key, g.ActiveAt, s.Now, []string{"CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"}, func(file string) ([]byte, error) {
		got, err := s.api.get(ctx, g.at("/repository/files/%s/raw?ref=HEAD", url.PathEscape(file)), "")
		return got.body, err
	})
}
