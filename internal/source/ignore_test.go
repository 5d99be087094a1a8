package source

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/testenv"
)

// writeTree creates files; a name that ends in "/" is a folder.
func writeTree(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(path, 0o755))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(content), 0o644))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func scanned(t testing.TB, dir string) []string {
	t.Helper()
	snapshot, err := Scan(t.Context(), dir)
	must(t, err)
	return paths(snapshot.Files)
}

func paths(files []File) []string {
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = file.Path
	}
	return names
}

func TestScanIgnores(t *testing.T) {
	tests := []struct {
		name  string
		files []string
		rules map[string]string // content of ignore files
		want  []string          // without the ignore files themselves
	}{
		{"defaults", []string{"a.go", ".git/HEAD", "node_modules/x/index.js", "web/node_modules/y.js", "pkg/__pycache__/m.pyc", ".venv/bin/python", ".DS_Store"},
			nil, []string{"a.go"}},
		{"submodule pointer", []string{"a.go", "sub/.git", "sub/b.go"}, nil, []string{"a.go", "sub/b.go"}},
		{"tool output by what it holds", []string{"app.py", "env/pyvenv.cfg", "env/bin/python", "cache/CACHEDIR.TAG", "cache/x"}, nil, []string{"app.py"}},
		{"target of Rust", []string{"Cargo.toml", "target/debug/app", "src/target/mod.rs"}, nil, []string{"Cargo.toml", "src/target/mod.rs"}},
		{"target that is a package", []string{"go.mod", "target/target.go"}, nil, []string{"go.mod", "target/target.go"}},
		{"nested and anchored", []string{"a.log", "x/a.log", "x/build/o", "y/build/o", "build/o"},
			map[string]string{".gitignore": "*.log\n/build/\n", "x/.gitignore": "!a.log\nbuild\n"}, []string{"x/a.log", "y/build/o"}},
		{"allow list", []string{"a.go", "b.txt", "s/c.go", "s/d.txt", "s/t/e.txt"},
			map[string]string{".gitignore": "*\n!*/\n!*.go\n"}, []string{"a.go", "s/c.go"}},
		{"content but not the folder", []string{"logs/.gitkeep", "logs/a", "logs/b/c"},
			map[string]string{".gitignore": "logs/**\n!logs/.gitkeep\n"}, []string{"logs/.gitkeep"}},
		{"an ignored folder hides what is in it", []string{"out/keep", "a"},
			map[string]string{".gitignore": "out/\n!out/keep\n"}, []string{"a"}},
		{"stoaignore adds", []string{"a.go", "docs/big.mov"}, map[string]string{IgnoreFile: "*.mov\n"}, []string{"a.go"}},
		{"stoaignore brings back", []string{"dist/app.js", "node_modules/x.js", ".git/HEAD"},
			map[string]string{".gitignore": "dist/\n", IgnoreFile: "!dist/\n!node_modules/\n!.git\n"}, []string{"dist/app.js", "node_modules/x.js"}},
		{"line endings, mark, comments, escapes", []string{"a", "b ", "#c", "!d", "e"},
			map[string]string{".gitignore": "\ufeffa\r\n# no\r\n\\#c\r\n\\!d\r\nb\\ \r\n"}, []string{"e"}},
		{"braces are characters", []string{"{a,b}", "a", "b"}, map[string]string{".gitignore": "{a,b}\n"}, []string{"a", "b"}},
		{"what cannot be read", []string{"[a", "b"}, map[string]string{".gitignore": "[a\n\n   \n/\n!\n"}, []string{"[a", "b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			tree := map[string]string{}
			for _, name := range test.files {
				tree[name] = name
			}
			for name, content := range test.rules {
				tree[name] = content
			}
			writeTree(t, dir, tree)
			got := slices.DeleteFunc(scanned(t, dir), func(name string) bool {
				return strings.HasSuffix(name, "ignore")
			})
			slices.Sort(test.want)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestScanHonoursIgnoreFilesAboveUpToTheWorkingTree(t *testing.T) {
	top := t.TempDir()
	writeTree(t, top, map[string]string{
		".gitignore":                     "*.outside\n",
		"repo/.git/HEAD":                 "",
		"repo/.gitignore":                "*.log\n/services/shop/tmp/\n/tmp/\n",
		"repo/services/.gitignore":       "!keep.log\n",
		"repo/services/shop/main.go":     "",
		"repo/services/shop/x.log":       "",
		"repo/services/shop/keep.log":    "",
		"repo/services/shop/tmp/y":       "",
		"repo/services/shop/in/tmp/z":    "",
		"repo/services/shop/u.outside":   "",
		"repo/services/shop/.gitkeep":    "",
		"repo/services/shop/.gitignore":  "/.gitkeep",
		"repo/services/other/other.file": "",
	})
	want := []string{".gitignore", "in/tmp/z", "keep.log", "main.go", "u.outside"}
	if diff := cmp.Diff(want, scanned(t, filepath.Join(top, "repo/services/shop"))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Git itself is the reference: random ignore files over random trees.
func TestScanIgnoresAsGitDoes(t *testing.T) {
	testenv.Need(t, "git")
	top := t.TempDir()
	repository := filepath.Join(top, "repository.git")
	must(t, exec.Command("git", "init", "-q", "--bare", repository).Run())
	names := []string{"a", "b", "ab", "a.go", "b.txt", "x1", "[c]", "{a,b}"}
	atoms := []string{"a", "b", "ab", "*", "**", "*.go", "?", "a*", "[ab]", "[!a]", "x[[:digit:]]", "*b*", "{a,b}", `\[c\]`, "***"}
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		dir := filepath.Join(top, fmt.Sprint(round))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		ruleLine := rapid.Custom(func(t *rapid.T) string {
			line := strings.Join(rapid.SliceOfN(rapid.SampledFrom(atoms), 1, 3).Draw(t, "atoms"), "/")
			return rapid.SampledFrom([]string{"", "!", "/", "!/"}).Draw(t, "before") + line + rapid.SampledFrom([]string{"", "/", "/**"}).Draw(t, "after")
		})
		ignoreFile := rapid.Map(rapid.SliceOfN(ruleLine, 0, 4), func(lines []string) string { return strings.Join(lines, "\n") + "\n" })
		for range 12 {
			path := filepath.Join(append([]string{dir}, rapid.SliceOfN(rapid.SampledFrom(names), 1, 3).Draw(t, "path")...)...)
			if os.MkdirAll(filepath.Dir(path), 0o755) == nil {
				_ = os.WriteFile(path, nil, 0o644) // a folder may be there already
			}
		}
		rules := map[string]string{}
		for _, sub := range []string{".", "a", "b"} {
			text := ignoreFile.Draw(t, "rules of "+sub)
			rules[sub] = text
			_ = os.WriteFile(filepath.Join(dir, sub, ".gitignore"), []byte(text), 0o644)
		}
		want := gitFiles(t, repository, dir)
		snapshot, err := Scan(t.Context(), dir)
		var got []string
		if err == nil {
			got = paths(snapshot.Files)
		} else if len(want) > 0 {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("rules %q (-git +stoa)\n%s", rules, diff)
		}
	})
}

// gitFiles lists what Git would add of dir, which need not have a repository.
func gitFiles(t rapid.TB, repository, dir string) []string {
	cmd := exec.Command("git", "--git-dir="+repository, "--work-tree="+dir, "ls-files", "-z", "--others", "--exclude-standard")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	var files []string
	for name := range strings.SplitSeq(string(out), "\x00") {
		if name != "" {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}

func FuzzParseRules(f *testing.F) {
	for _, seed := range []string{"*.log\n!a/\n", "/x/**/y/**\n", "[[:alpha:]-z]*\\", "{a,b}/[!]", "\\ \n\ufeff"} {
		f.Add(seed, "a/b.log")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		rules := parseRules([]byte(text), "", "")
		ignored(rules, name, false)
		ignored(rules, name, true)
	})
}
