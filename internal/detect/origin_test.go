package detect

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/internal/testenv"
)

func TestCodeowners(t *testing.T) {
	const file = `# comment
*                 @acme/platform    # everybody's
*.md              @acme/docs
/services/        @acme/backend
services/shop/**  @acme/payments @lead
/services/mail/   
/web/*            @acme/web
docs              @acme/writers
/with\ space/     @acme/space

[Security]  @acme/security
/services/auth/
^[Optional][2] @acme/optional
/nowhere/
`
	rules := ParseCodeowners("CODEOWNERS", []byte(file))
	for dir, want := range map[string]struct {
		owner, source string
	}{
		".":               {"@acme/platform", "CODEOWNERS:2"},
		"other":           {"@acme/platform", "CODEOWNERS:2"},
		"services/x":      {"@acme/backend", "CODEOWNERS:4"},
		"services/shop":   {"@acme/payments", "CODEOWNERS:5"},
		"services/shop/a": {"@acme/payments", "CODEOWNERS:5"},
		"services/mail":   {"", ""}, // the last match takes the owner away
		"web":             {"@acme/web", "CODEOWNERS:7"},
		"web/sub":         {"@acme/platform", "CODEOWNERS:2"}, // /web/* are the files of web only
		"a/docs/b":        {"@acme/writers", "CODEOWNERS:8"},
		"with space":      {"@acme/space", "CODEOWNERS:9"},
		"services/auth":   {"@acme/backend", "CODEOWNERS:4"}, // the first section that names somebody
	} {
		owners, source := rules.of(dir)
		owner := ""
		if len(owners) > 0 {
			owner = owners[0]
		}
		if owner != want.owner || source != want.source {
			t.Errorf("of(%q) = %q by %q, want %q by %q", dir, owner, source, want.owner, want.source)
		}
	}
	section, source := ParseCodeowners("C", []byte("[Payments] @acme/pay\n/shop/\n")).of("shop")
	if diff := cmp.Diff([]string{"@acme/pay"}, section); diff != "" || source != "C:2" {
		t.Errorf("a section's default owners: %s by %q", diff, source)
	}
}

func TestTeamOf(t *testing.T) {
	for _, c := range []struct {
		owners []string
		team   string
		least  float64
	}{
		{[]string{"@lead", "@acme/sub/Payments"}, "payments", stated},
		{[]string{"someone@example.com", "@payments"}, "payments", likely},
		{[]string{"someone@example.com"}, "someone", guess},
		{nil, "", 0},
	} {
		if team, confidence := teamOf(c.owners); team != c.team || confidence != c.least {
			t.Errorf("teamOf(%q) = %q, %v; want %q, %v", c.owners, team, confidence, c.team, c.least)
		}
	}
}

func TestOwnerByOrigin(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name       string
		origin     Origin
		owner      string
		confidence float64
	}{
		{"CODEOWNERS before commits", Origin{Path: "a", Codeowners: []string{"@x/pay"}, CodeownersSource: "CODEOWNERS:3", TopAuthors: []AuthorCount{{"Ann", 3}}}, "pay", stated},
		{"commits are a guess", Origin{TopAuthors: []AuthorCount{{"Ann Lee", 3}, {"Bo", 1}}}, "ann-lee", guess},
		{"nothing is known", Origin{}, "", 0},
	} {
		r, err := Detect(t.Context(), os.DirFS(dir), Options{Name: "x", Origin: c.origin})
		if err != nil {
			t.Fatal(err)
		}
		got := r.Components[0]
		if s, _ := got.Setting("owner"); got.Owner != c.owner || s.Confidence != c.confidence {
			t.Errorf("%s: owner %q with confidence %v, want %q with %v", c.name, got.Owner, s.Confidence, c.owner, c.confidence)
		}
	}
}

// repository makes an empty one; git runs a command in it and write a file.
func repository(t *testing.T) (repo string, git func(args ...string), write func(name, data string)) {
	testenv.Need(t, "git")
	repo = t.TempDir()
	git = func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = repo
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
			"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	write = func(name, data string) {
		t.Helper()
		file := filepath.Join(repo, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git("init", "-q", "-b", "trunk")
	return repo, git, write
}

func TestReadOrigin(t *testing.T) {
	repo, git, write := repository(t)
	shop := filepath.Join(repo, "services/shop")
	write("services/shop/main.go", "package main")

	empty, err := ReadOrigin(t.Context(), shop)
	if err != nil || empty.Commit != "" || !empty.Dirty || empty.Path != "services/shop" {
		t.Fatalf("before the first commit: %+v, %v", empty, err)
	}
	write(".github/CODEOWNERS", "* @acme/all\n/services/shop/ @acme/payments\n")
	write("readme", "x")
	git("add", ".")
	git("commit", "-q", "-m", "First: shop")
	git("remote", "add", "origin", "https://user:secret@git.example.com/acme/shop.git?token=x")

	o, err := ReadOrigin(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Commit) != 40 || o.CommitTime.IsZero() {
		t.Errorf("commit %q at %v", o.Commit, o.CommitTime)
	}
	want := Origin{
		Commit: o.Commit, CommitTime: o.CommitTime, Branch: "trunk", Remote: "https://git.example.com/acme/shop.git", Subject: "First: shop", Author: "Ann",
		Path: "services/shop", Codeowners: []string{"@acme/payments"}, CodeownersSource: ".github/CODEOWNERS:2", TopAuthors: []AuthorCount{{"Ann", 1}},
		Recent: []Commit{{Commit: o.Commit, Time: o.CommitTime, Parents: []string{}}},
	}
	if diff := cmp.Diff(want, o); diff != "" {
		t.Error(diff)
	}
	write("readme", "changed elsewhere")
	if o, _ = ReadOrigin(t.Context(), shop); o.Dirty {
		t.Error("a change outside of the folder makes it dirty")
	}
	write("services/shop/new.go", "package main")
	if o, _ = ReadOrigin(t.Context(), shop); !o.Dirty {
		t.Error("an untracked file does not make the folder dirty")
	}
	if o, err := ReadOrigin(t.Context(), t.TempDir()); err != nil || o.Commit != "" {
		t.Errorf("outside of a repository: %+v, %v", o, err)
	}
	if _, err := ReadOrigin(t.Context(), filepath.Join(repo, "none")); err == nil {
		t.Error("a folder that is not there has no error")
	}
}

// TestSince: a release brings what came since the one before, on whatever
// branch it was made and whenever, as far as it touches the folder.
func TestSince(t *testing.T) {
	repo, git, write := repository(t)
	shop := filepath.Join(repo, "shop")
	heads := map[string]string{}
	commit := func(name, file string) {
		t.Helper()
		write(file, name)
		git("add", ".")
		git("commit", "-q", "-m", name)
		o, err := ReadOrigin(t.Context(), shop)
		if err != nil {
			t.Fatal(err)
		}
		heads[name] = o.Commit
	}
	commit("first", "shop/a")
	git("checkout", "-q", "-b", "side")
	commit("on the side", "shop/b")
	git("checkout", "-q", "trunk")
	commit("released", "shop/c")
	commit("elsewhere", "mail/a")
	git("merge", "-q", "--no-ff", "-m", "merged", "side")
	commit("last", "shop/a")

	o, err := ReadOrigin(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	for since, want := range map[string][]string{"released": {"last", "on the side"}, "last": {}, "first": {"last", "on the side", "released"}, "on the side": {"last", "released"}} {
		changes, ok := o.Since(heads[since])
		got := map[string]bool{}
		for _, c := range changes {
			got[c.Commit] = !c.Time.IsZero()
		}
		expected := map[string]bool{}
		for _, name := range want {
			expected[heads[name]] = true
		}
		if diff := cmp.Diff(expected, got); diff != "" || !ok {
			t.Errorf("since %q: %v, %s", since, ok, diff)
		}
	}
	for _, unknown := range []string{"", "0123456789012345678901234567890123456789"} {
		if changes, ok := o.Since(unknown); ok {
			t.Errorf("since %q: %v", unknown, changes)
		}
	}
}
