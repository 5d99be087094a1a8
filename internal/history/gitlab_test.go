package history

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func (h *host) gitlab(o Options) *GitLab {
	return &GitLab{Options: o, Host: h.reach("/api/v4"), Group: "acme", IncidentLabel: "incident"}
}

func TestGitLab(t *testing.T) {
	h := newHost(t, "gitlab.json", "/api/v4")
	src := h.gitlab(options(t))
	c := readAll(t, src)
	same(t, "deployments", briefs(c.deployments(t)), map[string]brief{
		"201/deployment/312": {"upgraded", "", "", "deployment-11", 1},
		"201/deployment/314": {"upgraded", "rollback", "201/deployment/312", "deployment-12", 2},
		"201/deployment/317": {"upgraded", "", "", "deployment-14", 1},
		"201/deployment/318": {"rolledback", "rollback", "201/deployment/317", "deployment-17", 0},
		"202/release/v1.2.0": {"upgraded", "", "", "v1.1.0", 1},
		"202/release/v1.3.0": {"upgraded", "", "", "v1.2.0", 2},
		"203/tag/v0.1.0":     {"deployed", "", "", "", 2},
		"203/tag/v0.2.0":     {"upgraded", "", "", "v0.1.0", 1},
	})
	services := map[string]string{}
	for _, e := range c.events {
		services[e.Service] = e.Team
	}
	same(t, "services", services, map[string]string{"payments-shop": "payments", "lib": "core", "tools-tool": "tools"})
	outcomes := map[string]string{}
	for id, f := range c.facts(t, ".pipelinerun.finished") {
		outcomes[id] = f.Content["outcome"].(string) + " " + f.Custom.Environment
	}
	same(t, "pipelines", outcomes, map[string]string{"201/deployment/313/failed": "failure production", "201/pipeline/900/failed": "failure ", "201/pipeline/902/success": "success ", "201/pipeline/904/success": "success "})
	changes := map[string]string{}
	for id, f := range c.facts(t, ".change.") {
		changes[id] = f.Custom.Commit[:min(4, len(f.Custom.Commit))] + " " + stamp(f.Custom.FirstCommitTime)
	}
	same(t, "changes", changes, map[string]string{
		"201/change/3/created": " ", "201/change/3/merged": "0606 ", "201/change/3/first-commit": "0606 " + stamp(day(90)), "201/change/7/created": " ", "201/change/7/merged": "0808 ", "201/change/7/first-commit": "0808 " + stamp(day(29)),
		"201/change/8/created": " ", "201/change/8/abandoned/1780056000": " ", "201/change/9/created": " ",
	})
	incidents := map[string]string{}
	for id, f := range c.facts(t, ".incident.") {
		incidents[id] = f.Service + " " + f.Environment
	}
	same(t, "incidents", incidents, map[string]string{
		"201/issue/41/reported": "payments-shop production", "201/issue/41/resolved/1771891200": "payments-shop production", "201/issue/42/reported": "tools-tool staging",
	})
	if !slices.Equal(src.Teams(), []string{"payments", "tools"}) {
		t.Errorf("teams %v", src.Teams())
	}
	if d := c.facts(t, ".service.rolledback")["201/deployment/318"]; !d.At.Equal(day(20).Add(time.Hour)) || d.Actor != "gitlab/project_201_bot_a1" {
		t.Errorf("deployment 318: %+v", d)
	}
}

// A host that knows no keyset for a group's projects is asked page by page.
func TestGitLabWithoutKeyset(t *testing.T) {
	h := newHost(t, "gitlab.json", "/api/v4")
	h.disturb(func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("pagination") == "keyset" {
			fail(w, http.StatusMethodNotAllowed, "Keyset pagination is not yet available for this type of request")
			return true
		}
		return false
	})
	c := readAll(t, h.gitlab(options(t)))
	if n := len(c.deployments(t)); n != 8 {
		t.Errorf("%d deployments", n)
	}
}

func TestGitLabReadsOn(t *testing.T) {
	h := newHost(t, "gitlab.json", "/api/v4")
	o := options(t)
	readAll(t, h.gitlab(o))
	h.forget()
	h.answers["projects/201/deployments"] = []byte(strings.ReplaceAll(string(h.answers["projects/201/deployments"]), `"running"`, `"success"`))
	o.Now = now.Add(time.Hour)
	c := &collector{}
	read(t, h.gitlab(o), c)
	deployed := briefs(c.deployments(t))
	maps.DeleteFunc(deployed, func(id string, _ brief) bool { return strings.HasPrefix(id, "203/tag/") })
	same(t, "deployments", deployed, map[string]brief{"201/deployment/319": {"upgraded", "", "", "deployment-18", 1}})
	if n := h.asked("/merge_requests/7/commits"); n != 0 {
		t.Errorf("%d questions about what is known", n)
	}
}
