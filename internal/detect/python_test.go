package detect

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/testenv"
)

// A script of an environment runs by the interpreter that it is moved with,
// however pip, uv or poetry wrote the path of the one it was built with.
func TestEnvironmentIsMovable(t *testing.T) {
	testenv.Need(t, "python3")
	for what, parent := range map[string]string{"a path": "built", "with spaces": "built here", "a long one": strings.Repeat("built/", 30)} {
		old := filepath.Join(t.TempDir(), parent)
		if err := os.MkdirAll(old, 0o700); err != nil {
			t.Fatal(err)
		}
		run := func(dir, program string, args ...string) string {
			t.Helper()
			c := exec.Command(program, args...)
			c.Dir, c.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
			out, err := c.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %s: %v\n%s", what, program, err, out)
			}
			return strings.TrimSpace(string(out))
		}
		withPip := what == "with spaces" // which takes its time to be there
		if withPip {
			run(old, "python3", "-m", "venv", ".venv")
		} else {
			run(old, "python3", "-m", "venv", "--without-pip", ".venv")
		}
		python := filepath.Join(old, ".venv/bin/python")
		const tell = "import sys\nprint(sys.prefix, *sys.argv[1:])\n"
		for name, head := range map[string]string{
			"plain":  "#!" + python + "\n",
			"quoted": "#!/bin/sh\n'''exec' \"" + python + "\" \"$0\" \"$@\"\n' '''\n",
			"bare":   "#!/bin/sh\n'''exec' " + python + "3 \"$0\" \"$@\"\n' '''\n",
			"uv":     "#!/bin/sh\n'''exec' '" + python + "' \"$0\" \"$@\"\n' '''\n",
		} {
			if err := os.WriteFile(filepath.Join(old, ".venv/bin", name), []byte(head+tell), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		step := Command{Argv: []string{".venv/bin/python", "-c", relocatable}}.Expand(func(string) string { return "" })
		for range 2 { // it may be done again
			run(old, python, step[1:]...)
		}
		moved := filepath.Join(t.TempDir(), "instance of it")
		if err := os.Rename(old, moved); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"plain", "quoted", "bare", "uv"} {
			if got, want := run(moved, filepath.Join(moved, ".venv/bin", name), "a b", "c"), filepath.Join(moved, ".venv")+" a b c"; got != want {
				t.Errorf("%s, %s: it runs in %s, want %s", what, name, got, want)
			}
		}
		if !withPip {
			continue
		}
		if got := run(moved, filepath.Join(moved, ".venv/bin/pip"), "--version"); !strings.Contains(got, "from "+moved) {
			t.Errorf("%s: pip is %s", what, got)
		}
	}
}
