package backstage

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/internal/problem"
)

// told reads files that cannot be read and gives what is said of them, without
// the name of the folder.
func told(t *testing.T, files map[string]string, paths ...string) []string {
	t.Helper()
	dir := write(t, files)
	for i := range paths {
		paths[i] = filepath.Join(dir, paths[i])
	}
	_, err := Read(t.Context(), paths, nil)
	if !problem.Is(err, problem.Invalid) {
		t.Fatalf("it is read: %v", err)
	}
	var lines []string
	for _, f := range problem.From(err).Fields {
		lines = append(lines, strings.ReplaceAll(strings.ReplaceAll(f.String(), dir+"/", ""), dir, "DIR"))
	}
	return lines
}

func TestBadInput(t *testing.T) {
	const right = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: a}\n"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"broken YAML":               {right + "---\nkind: [\n---\n" + right, []string{"catalog-info.yaml:5: is not YAML: "}},
		"a tab":                     {"kind: a\nspec:\n\towner: t\n", []string{"catalog-info.yaml:3: is indented with a tab"}},
		"no entity":                 {"just text\n---\n- a\n", []string{"catalog-info.yaml:1: is not an entity", "catalog-info.yaml:3: is not an entity"}},
		"nothing of it":             {"spec: {}\n", []string{"apiVersion: is missing", "kind: is missing", "metadata.name: is missing"}},
		"unknown version":           {strings.Replace(right, "v1alpha1", "v9", 1), []string{`catalog-info.yaml:1: apiVersion: there is no version "backstage.io/v9"`}},
		"a version that is none":    {strings.Replace(right, "backstage.io/v1alpha1", "1", 1), []string{`there is no version "1"`}},
		"unknown kind":              {strings.Replace(right, "Component", "Componet", 1), []string{`catalog-info.yaml:2: kind: there is no kind "Componet"`}},
		"a kind of another version": {strings.Replace(right, "v1alpha1", "v1beta2", 1), []string{`there is no kind "Component" in backstage.io/v1beta2`}},
		"a kind that is none":       {strings.NewReplacer("backstage.io/", "acme/", "Component", "'a/../b'").Replace(right), []string{`"a/../b" is not a kind`}},
		"names":                     {strings.Replace(right, "name: a", "name: a b, namespace: c_d", 1), []string{`catalog-info.yaml:3: metadata.name: "a b" is not a name`, `metadata.namespace: "c_d" is not`}},
		"a name too long":           {strings.Replace(right, "name: a", "name: "+strings.Repeat("a", 64), 1), []string{"at most 63"}},
		"references":                {right + "spec:\n  type: x\n  owner: a/b/c\n  system: [x, 'y:']\n  consumesApis: [{kind: API}]\n", []string{`catalog-info.yaml:6: spec.owner: "a/b/c" is not the name`, `:7: spec.system: "y:" is not`, ":8: spec.consumesApis: is not the name"}},
		"an owner that is a list":   {right + "spec: {owner: [[a]]}\n", []string{"spec.owner: is not the name"}},
		"an alias to itself":        {right + "spec: &x\n  <<: *x\n  owner: '/'\n", []string{`spec.owner: "/" is not`}},
	} {
		t.Run(name, func(t *testing.T) {
			lines := told(t, map[string]string{"catalog-info.yaml": c.text}, ".")
			if len(lines) != len(c.want) {
				t.Fatalf("told is %q", lines)
			}
			for i, want := range c.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("told is %q, want %q", lines[i], want)
				}
			}
		})
	}
}

func TestLocations(t *testing.T) {
	location := func(name, spec string) string { return entity("Location", name, spec) }
	for name, c := range map[string]struct {
		files map[string]string
		read  string
		want  []string // what is read, or what is told
	}{
		"all ways to name a file": {map[string]string{
			"all.yaml": location("all", "target: ./a.yaml, targets: [b/b.yaml, './c/*.yml', '**/deep.yaml', 'https://example.com/x.yaml', ./a.yaml]"),
			"a.yaml":   component("a", "owner: t"), "b/b.yaml": location("b", "targets: [../d.yaml]"), "c/c.yml": component("c", "owner: t"), "d.yaml": component("d", "owner: t"),
			"x/y/z/deep.yaml": component("deep", "owner: t"), "node_modules/m/deep.yaml": "broken: [", "other.yaml": "broken: [",
		}, "all.yaml", []string{"component:default/a", "component:default/c", "component:default/d", "component:default/deep", "location:default/all", "location:default/b"}},
		"a folder, which names files too": {map[string]string{
			"catalog-info.yaml": location("all", "targets: ['**/catalog-info.yaml', more.yaml]"), "more.yaml": component("m", "owner: t"), "s/catalog-info.yaml": component("s", "owner: t"),
			"s/catalog-info.yml": component("s2", "owner: t"), ".git/catalog-info.yaml": "[", "node_modules/m/catalog-info.yaml": "[", "vendor/v/catalog-info.yaml": "[",
		}, ".", []string{"component:default/m", "component:default/s", "component:default/s2", "location:default/all"}},
		"what may be missing": {map[string]string{"all.yaml": location("all", "targets: [./gone.yaml], presence: optional")}, "all.yaml", []string{"location:default/all"}},
		"what may not":        {map[string]string{"all.yaml": location("all", "targets: [./gone.yaml]")}, "all.yaml", []string{"all.yaml:4: spec.targets: gone.yaml is not there"}},
		"a folder as target":  {map[string]string{"all.yaml": location("all", "target: ./d"), "d/x": ""}, "all.yaml", []string{"all.yaml:4: spec.targets: d is no file"}},
		"a circle":            {map[string]string{"a.yaml": location("a", "targets: [b.yaml]"), "b.yaml": location("b", "target: ./a.yaml")}, "a.yaml", []string{"b.yaml:4: spec.targets: a.yaml names a file that leads here again"}},
		"itself":              {map[string]string{"a.yaml": location("a", "targets: [a.yaml]")}, "a.yaml", []string{"a.yaml:4: spec.targets: a.yaml names a file that leads here again"}},
		"outside":             {map[string]string{"d/a.yaml": location("a", "targets: [../../etc/passwd, ../x.yaml, '../*.yaml']"), "x.yaml": ""}, "d/a.yaml", []string{"lies outside of d, which alone is read", "lies outside of d", "lies outside of d"}},
		"outside by its root": {map[string]string{"a.yaml": location("a", "target: /etc/passwd")}, "a.yaml", []string{"a.yaml:4: spec.target: /etc/passwd lies outside of DIR"}},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(c.want[0], " ") {
				got := told(t, c.files, c.read)
				for i, want := range c.want {
					if i >= len(got) || !strings.Contains(got[i], want) || len(got) != len(c.want) {
						t.Errorf("told is %q, want %q", got, c.want)
						break
					}
				}
				return
			}
			read, err := Read(t.Context(), []string{filepath.Join(write(t, c.files), c.read)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range read.Entities {
				got = append(got, e.Ref.String())
			}
			slices.Sort(got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if strings.HasPrefix(name, "all ways") && (len(read.Notes) != 1 || read.Notes[0].What != "not followed" || read.Notes[0].Text != "https://example.com/x.yaml") {
				t.Errorf("notes are %v", read.Notes)
			}
		})
	}
}

func TestLinksThatLeadOut(t *testing.T) {
	dir := write(t, map[string]string{"in/x": "", "out.yaml": component("secret", "owner: t")})
	if err := os.Symlink("../out.yaml", filepath.Join(dir, "in/catalog-info.yaml")); err != nil {
		t.Fatal(err)
	}
	_, err := Read(t.Context(), []string{filepath.Join(dir, "in")}, nil)
	if p := problem.From(err); !problem.Is(err, problem.Invalid) || !strings.Contains(p.Fields[0].Message, "escapes") {
		t.Errorf("a link out of the folder is told as %v", err)
	}
}

func TestPathsThatAreNot(t *testing.T) {
	dir := write(t, map[string]string{"README.md": ""})
	for _, path := range []string{filepath.Join(dir, "gone"), dir} {
		if _, err := Read(t.Context(), []string{path}, nil); !problem.Is(err, problem.NotFound) {
			t.Errorf("%s is told as %v", path, err)
		}
	}
}

func TestSkeletons(t *testing.T) {
	dir := write(t, map[string]string{
		"a/catalog-info.yaml": component("${{ values.name }}", "owner: t"),
		"b/catalog-info.yaml": "apiVersion: backstage.io/v1alpha1\n{%- if x %}\nkind: Component\n{%- endif %}\n",
		"c/catalog-info.yaml": component("c", "owner: t") + component("d", "owner: '${{values.owner}}'"),
		"d/catalog-info.yaml": "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: t}\nspec: {owner: t, steps: ['${{ parameters.x }}']}\n",
	})
	read, err := Read(t.Context(), []string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got, skipped []string
	for _, e := range read.Entities {
		got = append(got, e.Ref.String())
	}
	for _, n := range read.Notes {
		skipped = append(skipped, n.What+" "+strings.TrimPrefix(n.Source, dir+"/"))
	}
	if diff := cmp.Diff([]string{"component:default/c", "template:default/t"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"skipped a/catalog-info.yaml:1", "skipped b/catalog-info.yaml:1", "skipped c/catalog-info.yaml:6"}, skipped); diff != "" {
		t.Error(diff)
	}
}

func TestCodeowners(t *testing.T) {
	bare := func(name string) string { return component(name, "type: service") }
	dir := write(t, map[string]string{
		"CODEOWNERS":        "* @acme/all\n/services/ @acme/services\n/services/shop/ @acme/old @acme/x\n/services/shop @acme/shop\n/services/said @acme/no\n/mine ann@example.com @ann\n[Money]\n/money @acme/bank\n",
		"catalog-info.yaml": bare("root"), "services/a/catalog-info.yaml": bare("a"), "services/shop/catalog-info.yaml": bare("shop"),
		"services/said/catalog-info.yaml": component("said", "owner: t"), "money/catalog-info.yaml": bare("money") + entity("Resource", "db", "type: x"),
		"mine/catalog-info.yaml":           bare("mine") + entity("User", "ann", "memberOf: []"),
		"nested/.github/CODEOWNERS":        "/x/ @acme/nested\n",
		"nested/x/catalog-info.yaml":       bare("x"),
		"nested/y/catalog-info.yaml":       bare("y"),
		"clone/.git/HEAD":                  "",
		"clone/catalog-info.yaml":          entity("System", "clone", ""),
		"sub/deep/inside/catalog-info.yml": bare("inside"),
	})
	read, err := Read(t.Context(), []string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range read.Entities {
		got[e.Name] = e.Team + " " + e.TeamSource
	}
	want := map[string]string{
		"root": "all CODEOWNERS:1", "a": "services CODEOWNERS:2", "shop": "shop CODEOWNERS:4", "said": " ", "money": "all CODEOWNERS:1", "db": " ", // of several sections the first decides
		"mine": "ann CODEOWNERS:6", "ann": " ", "x": "nested nested/.github/CODEOWNERS:1", "y": " ", "clone": " ", "inside": "all CODEOWNERS:1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	// A folder of a repository is owned as the repository says.
	if err := os.MkdirAll(filepath.Join(dir, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	if read, err = Read(t.Context(), []string{filepath.Join(dir, "services/shop"), filepath.Join(dir, "services/a/catalog-info.yaml")}, nil); err != nil {
		t.Fatal(err)
	}
	if e := read.Entities; e[0].Team != "shop" || e[1].Team != "services" {
		t.Errorf("below the top they are owned by %s and %s", e[0].Team, e[1].Team)
	}
	if got := read.Paths; !slices.Equal(got, []string{"shop/catalog-info.yaml", "a/catalog-info.yaml"}) {
		t.Errorf("the files are kept as %v", got)
	}
}
