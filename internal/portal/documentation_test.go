package portal_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// has tells whether something on the page can be gone to by its id.
func (a answer) has(id string) bool {
	for n := range a.root.Descendants() {
		if attribute(n, "id") == id {
			return true
		}
	}
	return false
}

// Every page of the documentation is there, and so is whatever it links to.
func TestDocumentation(t *testing.T) {
	s := empty(t)
	c := s.browserless(t, s.code(t))
	pages := map[string]answer{}
	open := func(href string) (answer, bool) {
		path, _, _ := strings.Cut(href, "#")
		if _, known := pages[path]; !known {
			pages[path] = get(t, c, s.url+path)
		}
		return pages[path], pages[path].StatusCode == http.StatusOK
	}
	index, ok := open("/docs")
	if !ok {
		t.Fatal(index.Status)
	}
	if strings.Contains(index.body, "template") {
		t.Error("it lists the form of a decision")
	}
	links := 0
	for _, listed := range index.all("a") {
		at := attribute(listed, "href")
		if !strings.HasPrefix(at, "/docs/") {
			continue
		}
		doc, ok := open(at)
		if !ok {
			t.Errorf("%s: %s", at, doc.Status)
			continue
		}
		if n := len(doc.all("h1")); n != 1 || doc.text("h1") == "" {
			t.Errorf("%s has %d titles, the first is %q", at, n, doc.text("h1"))
		}
		for _, link := range (answer{root: doc.all("div.prose")[0]}).all("a") {
			href := attribute(link, "href")
			_, anchor, _ := strings.Cut(href, "#")
			to := doc
			if strings.HasPrefix(href, "/docs/") {
				links++
				if to, ok = open(href); !ok {
					t.Errorf("%s leads to %s: %s", at, href, to.Status)
					continue
				}
			} else if !strings.HasPrefix(href, "#") {
				continue // elsewhere
			}
			if anchor != "" && !to.has(anchor) {
				t.Errorf("%s leads to %s, where there is no such heading", at, href)
			}
		}
	}
	if len(pages) < 20 || links < 20 {
		t.Errorf("%d pages with %d links among them", len(pages), links)
	}
	for path, says := range map[string]string{"/docs/quotas": "services: 20", "/docs/teams": "kind: Team", "/docs/reference/permissions": "team-owner", "/docs/quotas.md": "memory"} {
		doc, _ := open(path)
		contains(t, path, doc.text("main"), says)
	}
	if a := get(t, c, s.url+"/docs/nothing"); a.StatusCode != http.StatusNotFound {
		t.Errorf("/docs/nothing: %s", a.Status)
	}
}

var explained = regexp.MustCompile(`"(/docs/[a-z/-]+)"`)

// Whatever page a refusal names is there.
func TestRefusalsAreExplained(t *testing.T) {
	s := empty(t)
	c := s.browserless(t, s.code(t))
	seen := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "../portal/") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, found := range explained.FindAllStringSubmatch(string(source), -1) {
			if seen[found[1]] {
				continue
			}
			seen[found[1]] = true
			if a := get(t, c, s.url+found[1]); a.StatusCode != http.StatusOK {
				t.Errorf("%s names %s: %s", path, found[1], a.Status)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"/docs/quotas", "/docs/policies", "/docs/exceptions", "/docs/secrets", "/docs/teams", "/docs/reference/permissions"} {
		if !seen[page] {
			t.Errorf("no refusal leads to %s", page)
		}
	}
}
