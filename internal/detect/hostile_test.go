package detect

import (
	"bytes"
	"errors"
	"os"
	"path"
	"path/filepath"
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
		"deep Go":              {map[string]string{"go.mod": "module x", "main.go": "package main\nfunc main() { _ = " + strings.Repeat("(", 50_000)}, ""},
		"requirements in ring": {map[string]string{"requirements.txt": "-r a.txt", "a.txt": "-r requirements.txt\n-r ../../../etc/passwd", "main.py": ""}, ""},
		"odd patterns":         {map[string]string{"index.html": "x", "CODEOWNERS": strings.Repeat("**/", 600) + "x @a/b\n[ @c\n\\ @d\n" + strings.Repeat("*", 1500) + " @e/f"}, ""},
		"workspace of globs":   {map[string]string{"package.json": `{"workspaces": ["` + strings.Repeat("**/", 60) + `x"]}`, "a/b/c/package.json": `{"name": "c", "scripts": {"start": "node c"}}`}, ""},
		"replacement upwards":  {map[string]string{"go.mod": "module x\nreplace y => ../../../../etc", "main.go": "package main\nfunc main() { x() }"}, "outside of the folder"},
		"long names":           {map[string]string{"package.json": `{"name": "` + long + `", "scripts": {"start": "` + long + `"}}`}, ""},
		"long lines":           {map[string]string{"index.js": strings.Repeat("process.env.PORT||", 40_000)}, ""},
		"module of no name":    {map[string]string{"go.mod": "go 1.26"}, "no module line"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			source := fstest.MapFS{}
			for file, data := range c.files {
				source[path.Clean(file)] = &fstest.MapFile{Data: []byte(data)}
			}
			started := time.Now()
			r, err := Detect(t.Context(), source, Options{Name: "x"})
			if took := time.Since(started); took > 10*time.Second {
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
			if e, ok := IsError(err); !ok || e.Title == "" {
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
