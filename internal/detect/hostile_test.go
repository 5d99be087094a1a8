package detect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// TestHostileSources: whatever a source holds, Detect ends soon, with a result
// or with an error that says what of the source is at fault.
func TestHostileSources(t *testing.T) {
	deep := strings.Repeat("d/", 200)
	long := strings.Repeat("x", 300)
	cases := map[string]struct {
		files map[string]string
		title string // part of the error; "" is a result
	}{
		"huge manifest":           {map[string]string{"package.json": strings.Repeat(" ", maxManifest+1)}, "more than the"},
		"binary manifest":         {map[string]string{"package.json": "\x00\xff\xfe\x01"}, "not valid JSON"},
		"binary code":             {map[string]string{"main.py": "\x00\x01\x02", "index.html": "x"}, ""},
		"manifest of wrong types": {map[string]string{"package.json": `{"name": 1, "scripts": [], "dependencies": "x", "bin": 7, "workspaces": {"packages": 3}, "engines": null}`, "index.html": "x"}, ""},
		"manifest is a list":      {map[string]string{"package.json": `[]`}, "not valid JSON"},
		"deep tree":               {map[string]string{deep + "go.mod": "module x", "index.html": "x"}, ""},
		"deep JSON":               {map[string]string{"package.json": strings.Repeat(`{"a":`, 20_000)}, "not valid JSON"},
		"deep YAML":               {map[string]string{"index.html": "x", "score.yaml": strings.Repeat("[", 20_000)}, "not valid YAML"},
		"YAML that multiplies": {map[string]string{"index.html": "x", "compose.yaml": "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n" +
			"e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\nservices: {x: {image: redis}}\n"}, ""},
		"deep Go":                   {map[string]string{"go.mod": "module x", "main.go": "package main\nfunc main() { _ = " + strings.Repeat("(", 50_000)}, ""},
		"requirements in ring":      {map[string]string{"requirements.txt": "-r a.txt", "a.txt": "-r requirements.txt\n-r ../../../etc/passwd", "main.py": ""}, ""},
		"odd patterns":              {map[string]string{"index.html": "x", "CODEOWNERS": strings.Repeat("**/", 600) + "x @a/b\n[ @c\n\\ @d\n" + strings.Repeat("*", 1500) + " @e/f"}, ""},
		"workspace of globs":        {map[string]string{"package.json": `{"workspaces": ["` + strings.Repeat("**/", 60) + `x"]}`, "a/b/c/package.json": `{"name": "c", "scripts": {"start": "node c"}}`}, ""},
		"replacement upwards":       {map[string]string{"go.mod": "module x\nreplace y => ../../../../etc", "main.go": "package main\nfunc main() { x() }"}, "outside of the folder"},
		"long names":                {map[string]string{"package.json": `{"name": "` + long + `", "scripts": {"start": "` + long + `"}}`}, ""},
		"long lines":                {map[string]string{"index.js": strings.Repeat("process.env.PORT||", 40_000)}, ""},
		"routers by the thousand":   {map[string]string{"app.py": numbered("r%d = Blueprint()\n", 4000) + numbered("a.register_blueprint(x%d, b, c, d, e, f, g)\n", 4000)}, ""},
		"variables by the thousand": {map[string]string{"app.py": numbered("x(environ['A%d'])\n", 20_000)}, ""},
		"a prefix that grows":       {map[string]string{"go.mod": "module x", "main.go": "package main\nfunc main() {\n" + strings.Repeat("r = r.Group(\"/aaaaaaa\")\n", 40_000) + "}"}, ""},
		"a chain of routes":         {map[string]string{"go.mod": "module x", "main.go": "package main\nfunc main() {\nr" + strings.Repeat(".Route(\"/a\", h)", 60_000) + "}"}, ""},
		"blocks in blocks":          {map[string]string{"go.mod": "module x", "main.go": "package main\nfunc main() {\n" + strings.Repeat("{r.Get(a);", 40_000) + strings.Repeat("}", 40_000) + "}"}, ""},
		"a text that doubles":       {map[string]string{"go.mod": "module x", "main.go": "package main\nfunc main() { r.Get(" + strings.Repeat(`fmt.Sprintf("%s%s", `, 60) + `"/a"` + strings.Repeat(")", 60) + ", h) }"}, ""},
		"texts in each other":       {map[string]string{"go.mod": "module x", "main.go": "package main\nfunc main() { r.Get(" + strings.Repeat(`Sprint("", `, 40_000) + `"/a"` + strings.Repeat(")", 40_000) + ", h) }"}, ""},
		"routers in each other":     {map[string]string{"go.mod": "module x", "main.go": "package main\nfunc main() { r.Mount(a, " + strings.Repeat(`f(r, `, 60_000) + `r` + strings.Repeat(")", 60_000) + ") }"}, ""},
		"groups in each other":      {map[string]string{"go.mod": "module x", "main.go": "package main\nfunc main() { " + strings.Repeat(`r.Route("/a", func(r R) {`, 20_000) + strings.Repeat("});", 20_000) + "}"}, ""},
		"functions by the thousand": {map[string]string{"go.mod": "module x", "main.go": "package main\n" + numbered("func f%d(r R) { r.m(r.Group(a)); x.m(r) }\n", 15_000) + "func main() {}"}, ""},
		"module of no name":         {map[string]string{"go.mod": "go 1.26"}, "no module line"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			source := fstest.MapFS{}
			for file, data := range c.files {
				source[path.Clean(file)] = &fstest.MapFile{Data: []byte(data)}
			}
			started := time.Now()
			r, err := Detect(t.Context(), source, Options{Name: "x"})
			// Seconds where the race detector slows expressions thirtyfold, minutes or hours
			// where a loop over what was found so far has no bound.
			if took := time.Since(started); took > time.Minute {
				t.Errorf("took %v", took)
			}
			if c.title == "" {
				if err != nil {
					t.Fatalf("Detect = %v", err)
				}
				checkEvidence(t, r)
				return
			}
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(e.Title, c.title) || e.Source == "" {
				t.Fatalf("Detect = %v, want an error with its file about %q", err, c.title)
			}
		})
	}
}

// TestVariablesAreBounded: each variable is looked for among those found before.
func TestVariablesAreBounded(t *testing.T) {
	for ext, file := range map[string]struct {
		text string
		lex  *lexicon
	}{
		".py": {"x(environ['A%d'])\n", pythonLexicon},
		".js": {"x(process.env.A%d)\n", nodeLexicon},
	} {
		facts := &scriptFacts{imports: map[string]string{}}
		if err := facts.read(t.Context(), "app"+ext, []byte(numbered(file.text, maxVariables+10)), file.lex); err != nil {
			t.Fatal(err)
		}
		if len(facts.variables) != maxVariables {
			t.Errorf("%s: %d variables are kept, want %d", ext, len(facts.variables), maxVariables)
		}
	}
}

// numbered repeats a text with a number in it.
func numbered(text string, times int) string {
	var b strings.Builder
	for i := range times {
		fmt.Fprintf(&b, text, i)
	}
	return b.String()
}

// cancelling is a source whose reader gives up once it reads a file of code.
type cancelling struct {
	fstest.MapFS
	cancel func()
}

func (c cancelling) Open(name string) (fs.File, error) {
	if slices.Contains([]string{".py", ".js", ".go"}, path.Ext(name)) {
		c.cancel()
	}
	return c.MapFS.Open(name)
}

// TestScriptsAreReadUntilCancelled: the last component of a source is given up as well.
func TestScriptsAreReadUntilCancelled(t *testing.T) {
	for what, files := range map[string]fstest.MapFS{
		"Python": {"app.py": {Data: []byte("app = Flask(__name__)\n")}},
		"Go":     {"go.mod": {Data: []byte("module x\n")}, "main.go": {Data: []byte("package main\nfunc main() { x() }\n")}},
		"Node":   {"server.js": {Data: []byte("app.listen(80)\n")}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if r, err := Detect(ctx, cancelling{files, cancel}, Options{Name: "x"}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: Detect = %+v, %v; want that it was given up", what, r, err)
		}
	}
}

// TestLinksAreNotFollowed: links may lead in a ring, or out of the source.
func TestLinksAreNotFollowed(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	write := func(file, data string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(outside, "package.json"), `{"name": "secret", "scripts": {"start": "node x"}}`)
	write(filepath.Join(dir, "index.html"), "x")
	for link, target := range map[string]string{"ring": ".", "out": outside, "package.json": filepath.Join(outside, "package.json")} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Detect(t.Context(), os.DirFS(dir), Options{Name: "site"})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Components) != 1 || r.Components[0].Type != TypeStatic {
		t.Fatalf("components = %+v, want the static site alone", r.Components)
	}
}

func TestManyFilesAreBounded(t *testing.T) {
	source := fstest.MapFS{"index.html": {Data: []byte("x")}}
	for i := range maxEntries + 100 {
		source["z/"+strings.Repeat("f", 1+i%7)+string(rune('a'+i%26))+filepath.Base(time.Duration(i).String())] = &fstest.MapFile{}
	}
	r, err := Detect(t.Context(), source, Options{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Components) != 1 || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "only the first") {
		t.Fatalf("%d components, notes %q; want one and a note on the bound", len(r.Components), r.Notes)
	}
}

// FuzzDetect gives each kind of file any content: no panic, no hang, and every
// error is one about the source.
func FuzzDetect(f *testing.F) {
	names := []string{
		"package.json", "go.mod", "go.work", "main.go", "pyproject.toml", "requirements.txt", "Pipfile", "Procfile", "Dockerfile", "score.yaml",
		"compose.yaml", "catalog-info.yaml", "CODEOWNERS", "index.js", "app.py", "manage.py", "pnpm-workspace.yaml", ".tool-versions", "prisma/schema.prisma", "vite.config.ts",
	}
	seeds := []string{
		`{"name":"x","scripts":{"start":"node index.js"},"dependencies":{"vite":"1"}}`, "module x\n\ngo 1.26\nreplace a => ./b\n", "use ./x", "package main\nfunc main(){ http.ListenAndServe(\":\"+p, nil) }",
		"[project]\nname='x'\nscripts={x='y:z'}", "-r requirements.txt\nflask", "web: x\nrelease: y", "FROM x\nENV A=b C=d\nCMD [\"node\",\"index.js\",\"-p\",\"80\"]\nHEALTHCHECK CMD curl http://x:1/y",
		"apiVersion: score.dev/v1b1\nmetadata: {name: x}\ncontainers: {a: {args: [b]}}", "services: {a: {image: redis}}", "[S] @a/b\n/x/** @c\n* d@e", "os.environ.get('PORT', '80')\napp = Flask(__name__)",
	}
	for i := range names {
		for _, s := range seeds {
			f.Add(uint8(i), []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		name := names[int(which)%len(names)]
		source := fstest.MapFS{
			"index.html": {Data: []byte("x")}, "index.js": {Data: []byte("x")}, "sub/package.json": {Data: []byte(`{"name":"y","main":"z.js"}`)}, "sub/z.js": {Data: []byte("app.listen(1234)")},
		}
		source[name] = &fstest.MapFile{Data: data}
		if strings.HasSuffix(name, ".go") || name == "go.work" {
			source["go.mod"] = &fstest.MapFile{Data: []byte("module x\n")}
		}
		r, err := Detect(t.Context(), source, Options{Name: "x"})
		if err != nil {
			if e, ok := saysOfSource(err); !ok || e.Title == "" {
				t.Fatalf("Detect = %v, which says nothing of the source", err)
			}
			return
		}
		checkEvidence(t, r)
		for _, l := range r.Explain() {
			if l.Text == "" || l.Source == "" {
				t.Fatalf("a line without text or source: %+v", l)
			}
		}
	})
}

func FuzzCodeowners(f *testing.F) {
	f.Add([]byte("[A][2] @x/y\n/a/ \n*.go @z\n\\#b c@d # e"), "a/b")
	f.Fuzz(func(t *testing.T, data []byte, dir string) {
		owners, source := ParseCodeowners("CODEOWNERS", data).of(dir)
		if (len(owners) > 0) != (source != "") {
			t.Fatalf("owners %q by %q", owners, source)
		}
		if len(owners) > 0 && !bytes.ContainsRune(data, '@') {
			t.Fatalf("owners %q from nothing", owners)
		}
	})
}

// saysOfSource reports whether err says something about the source itself, and what.
func saysOfSource(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}
