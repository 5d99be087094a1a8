package build

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// family says how the tools of one name are found, asked and had.
type family struct {
	title    string
	programs []string // names on PATH, the usual one first
	others   []string // globs for further names on PATH
	places   []string // globs of where version managers put theirs
	ask      []string // arguments that make it tell its version
	read     func(path, out string) probe
	fits     func(want, have string) (bool, error)
	beside   []string // programs that come with it and must be of the same release
	get      func(want string) []string
}

// familyOf knows the tools that need more than `NAME --version`.
func familyOf(name, home string) family {
	in := func(glob string) string { return filepath.Join(home, filepath.FromSlash(glob)) }
	switch name {
	case "go":
		return family{
			title: "Go", programs: []string{"go"}, places: []string{"/usr/local/go/bin/go", in("sdk/go*/bin/go")},
			ask: []string{"env", "GOVERSION", "GOROOT"}, read: readGo, fits: fitsGo, get: getGo,
		}
	case "node":
		return family{
			title: "Node.js", programs: []string{"node"},
			places: []string{in(".nvm/versions/node/*/bin/node"), in(".local/share/fnm/node-versions/*/installation/bin/node"), in(".asdf/installs/nodejs/*/bin/node"),
				in(".local/share/mise/installs/node/*/bin/node"), in(".volta/tools/image/node/*/bin/node"), "/opt/homebrew/opt/node@*/bin/node", "/usr/local/opt/node@*/bin/node"},
			ask: []string{"-p", "process.version+'\\n'+process.execPath"}, read: readTwoLines, fits: fitsRange,
			beside: []string{"npm", "npx", "corepack"}, get: getNode,
		}
	case "python", "python3":
		root := os.Getenv("PYENV_ROOT")
		if root == "" {
			root = in(".pyenv")
		}
		return family{
			title: "Python", programs: []string{"python3", "python"}, others: []string{"python3.[0-9]", "python3.[0-9][0-9]"},
			places: []string{filepath.Join(root, "versions/*/bin/python3"), in(".local/share/uv/python/cpython-*/bin/python3"),
				in(".local/share/mise/installs/python/*/bin/python3"), in(".asdf/installs/python/*/bin/python3"), "/opt/homebrew/opt/python@*/bin/python3"},
			ask: []string{"-c", askPython}, read: readPython, fits: fitsPython, get: getPython,
		}
	case "npm":
		// Every npm reads the lockfiles of those before it, and installs itself with Node.js.
		f := plainFamily(name)
		f.fits = func(string, string) (bool, error) { return true, nil }
		f.get = func(string) []string { return getNode("") }
		return f
	case "gcc", "cc":
		f := plainFamily(name)
		f.title = "a C compiler (" + name + ")"
		f.get = func(string) []string {
			return system(map[string]string{"apt-get": "apt-get install build-essential", "dnf": "dnf install gcc", "apk": "apk add build-base", "brew": "xcode-select --install"},
				"install a C compiler named "+name)
		}
		return f
	}
	return plainFamily(name)
}

func plainFamily(name string) family {
	return family{
		title: name, programs: []string{name}, ask: []string{"--version"}, read: readVersion, fits: fitsRange,
		get: func(string) []string {
			return system(map[string]string{"apt-get": "apt-get install " + name, "dnf": "dnf install " + name, "apk": "apk add " + name, "brew": "brew install " + name},
				"install "+name+" and put it on the PATH of Stoa")
		},
	}
}

var anyVersion = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

func readVersion(path, out string) probe {
	version := anyVersion.FindString(out)
	if version == "" {
		return probe{Path: path, Unfit: fmt.Sprintf("tells no version: %.80q", out)}
	}
	return probe{Version: version, Path: path}
}

func readTwoLines(path, out string) probe {
	version, real, _ := strings.Cut(out, "\n")
	version, real = strings.TrimPrefix(strings.TrimSpace(version), "v"), strings.TrimSpace(real)
	if version == "" || !filepath.IsAbs(real) {
		return probe{Path: path, Unfit: fmt.Sprintf("tells no version: %.80q", out)}
	}
	return probe{Version: version, Path: real}
}

func readGo(path, out string) probe {
	p := readTwoLines(path, strings.TrimPrefix(out, "go"))
	if p.Unfit == "" {
		p.Path = filepath.Join(p.Path, "bin", "go")
		p.Version, _, _ = strings.Cut(p.Version, " ") // "1.26.8 X:experiment"
	}
	return p
}

// askPython runs on any Python, to tell which of the programs found can make
// environments; distributions ship Pythons that cannot.
const askPython = `import sys
print(sys.version.split()[0])
print(sys.executable)
try:
    import venv, ensurepip
except ImportError as e:
    print(e)
`

func readPython(path, out string) probe {
	lines := strings.SplitN(out, "\n", 3)
	p := readTwoLines(path, strings.Join(lines[:min(2, len(lines))], "\n"))
	if len(lines) == 3 && p.Unfit == "" {
		p.Unfit = "cannot make virtual environments: " + strings.TrimSpace(lines[2])
	}
	return p
}

func getGo(want string) []string {
	get := []string{"install Go " + line(want, 2) + " or newer: https://go.dev/dl/"}
	if _, err := exec.LookPath("go"); err == nil {
		get = append([]string{"go env -w GOTOOLCHAIN=auto   lets the Go that is here fetch the version a source asks for"}, get...)
	}
	return get
}

func getNode(want string) []string {
	major := line(want, 1)
	if major == "" {
		return system(map[string]string{"apt-get": "apt-get install nodejs npm", "dnf": "dnf install nodejs", "apk": "apk add nodejs npm", "brew": "brew install node"},
			"install Node.js: https://nodejs.org/en/download")
	}
	next := []string{"nvm install " + major, "or: https://nodejs.org/en/download"}
	if _, err := exec.LookPath("brew"); err == nil {
		next[0] = "brew install node@" + major
	} else if _, err := exec.LookPath("npm"); err == nil {
		next[0] = "npx --yes n " + major
	}
	return next
}

func getPython(want string) []string {
	minor := line(want, 2)
	if !strings.Contains(minor, ".") {
		minor = "3"
	}
	for _, manager := range []struct{ program, command string }{
		{"uv", "uv python install " + minor}, {"pyenv", "pyenv install " + minor},
	} {
		if _, err := exec.LookPath(manager.program); err == nil {
			return []string{manager.command}
		}
	}
	return system(map[string]string{
		"apt-get": "apt-get install python" + minor + " python" + minor + "-venv", "dnf": "dnf install python" + minor,
		"apk": "apk add python3", "brew": "brew install python@" + minor,
	}, "install Python "+minor+": https://www.python.org/downloads/")
}

// system picks the command of the package manager that this machine has.
func system(commands map[string]string, otherwise string) []string {
	for _, manager := range []string{"apt-get", "dnf", "apk", "brew"} {
		if _, err := exec.LookPath(manager); err == nil && commands[manager] != "" {
			return []string{commands[manager]}
		}
	}
	return []string{otherwise}
}
