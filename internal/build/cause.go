package build

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// cause recognises one reason for failed builds by what tools print.
type cause struct {
	name    string
	pattern *regexp.Regexp
	// summary and next may use the pattern's groups as $1 or ${name}.
	summary string
	next    []string
}

func match(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }

// unresolved is how Node.js and bundlers begin to say what an import does not
// find; its name follows, up to the next quote.
const unresolved = `(?:Cannot find (?:module|package)|Could not resolve|Module not found: (?:Error: )?Can't resolve|[Ff]ailed to resolve import) ['"]`

const committed = "check that it is committed, and not ignored by .gitignore or .stoaignore"

// causes are tried in order, the most telling first: a compiler that is
// missing also makes an installation fail, and that a module is missing.
var causes = []cause{
	{"disk-full", match(`(?i)no space left on device|ENOSPC|disk quota exceeded`),
		"the disk is full", []string{"df -h   shows which", "free space, then run the same command again"}},
	{"out-of-memory", match(`JavaScript heap out of memory|cannot allocate memory|(?:^|[ :])ENOMEM|MemoryError$|signal: killed|Killed$`),
		"the machine ran out of memory", []string{"build on a machine with more memory, or stop what else runs there"}},

	{"lockfile-outdated", match("npm ci` can only install packages when your package.json and package-lock.json"),
		"package-lock.json does not fit package.json", []string{"npm install   and commit package-lock.json"}},
	{"lockfile-missing", match(`npm ci.* can only install with an existing package-lock|The .npm ci. command can only install with an existing`),
		"there is no package-lock.json", []string{"npm install   and commit package-lock.json"}},
	{"lockfile-outdated", match(`ERR_PNPM_OUTDATED_LOCKFILE`),
		"pnpm-lock.yaml does not fit package.json", []string{"pnpm install   and commit pnpm-lock.yaml"}},
	{"lockfile-outdated", match(`Your lockfile needs to be updated|YN0028`),
		"yarn.lock does not fit package.json", []string{"yarn install   and commit yarn.lock"}},
	{"lockfile-outdated", match(`updates to go\.(?:mod|sum) needed|go: updating go\.(?:mod|sum)`),
		"go.mod does not list all that the code needs", []string{"go mod tidy   and commit go.mod and go.sum"}},
	{"lockfile-outdated", match(`missing go\.sum entry`),
		"go.sum does not list all that the code needs", []string{"go mod tidy   and commit go.sum"}},
	{"lockfile-outdated", match(`The lockfile at .uv\.lock. needs to be updated|lockfile .* is not up.to.date|pyproject\.toml changed significantly since poetry\.lock`),
		"the lockfile does not fit pyproject.toml", []string{"uv lock   or   poetry lock   and commit the lockfile"}},
	{"vendor-outdated", match(`inconsistent vendoring`),
		"the vendor folder does not fit go.mod", []string{"go mod vendor   and commit the vendor folder"}},
	{"checksum-mismatch", match(`(?i)checksum mismatch|EINTEGRITY|THESE PACKAGES DO NOT MATCH THE HASHES`),
		"a downloaded package is not the one that was locked", []string{"find out why before anything else: the package was republished, or somebody tampers with it"}},

	{"certificate", match(`(?i)x509: |SELF_SIGNED_CERT|UNABLE_TO_(?:GET_ISSUER|VERIFY)|unable to get (?:local )?issuer certificate|CERTIFICATE_VERIFY_FAILED`),
		"a server's certificate is not trusted by this machine", []string{"give Stoa the certificate authority of your network: SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, PIP_CERT"}},
	{"not-authorised", match(`npm (?:ERR!|error) code E40[13]|40[13] (?:Unauthorized|Forbidden)|terminal prompts disabled|could not read Username`),
		"a package registry or repository asks for credentials", []string{"give the user that Stoa runs as access: ~/.npmrc, ~/.config/pip/pip.conf, GOPROXY"}},
	{"no-network", match(`(?i)\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)\b|dial tcp|no such host|Failed to establish a new connection|Temporary failure in name resolution|Could not resolve host|error sending request for url|network is unreachable|Connection to \S+ timed out`),
		"packages cannot be fetched: the network or the registry does not answer", []string{"check the proxy settings of Stoa: HTTPS_PROXY, NO_PROXY, GOPROXY, NPM_CONFIG_REGISTRY, PIP_INDEX_URL"}},

	{"version", match(`go: (?:.*: )?go\.mod requires go >= (\S+)|requires go >= (\S+) \(running go`),
		"the source asks for Go ${1}${2}", []string{"go env -w GOTOOLCHAIN=auto   on the machine that builds, or install that Go there"}},
	{"version", match(`(?:requires a different Python|Requires-Python|requires-python)[^\n]*?: (\S+ not in \S+)`),
		"a package asks for another Python: $1", []string{"state the Python that fits in requires-python of pyproject.toml or in .python-version"}},
	{"version", match(`EBADDEVENGINES Invalid semver version "([^"]+)" does not match "([^"]+)" for "runtime"`),
		"the source asks for Node.js $1 in its devEngines, and this machine has $2", []string{"install that Node.js on the machine that builds", "or change devEngines.runtime of package.json"}},
	{"version", match(`npm (?:ERR!|error) code EBADENGINE`),
		"a package asks for another version of Node.js", []string{"state the version that fits in engines.node of package.json"}},
	{"dependency-conflict", match(`npm (?:ERR!|error) code ERESOLVE|ResolutionImpossible|No solution found when resolving`),
		"the wanted versions of the packages exclude each other", []string{"change the versions so that they fit; the log names them"}},

	{"compiler-missing", match(`(?:unable to execute '|command ')?(\b(?:gcc|cc|g\+\+|c\+\+|clang|make|x86_64-linux-gnu-gcc|aarch64-linux-gnu-gcc))'?(?:: not found|' failed: No such file|: No such file or directory|: command not found)|C compiler "?([\w+-]+)"? not found|not found: (make)\b|gyp ERR! stack Error: (not found: make)`),
		"a package has native code, and this machine has no compiler", []string{"apt-get install build-essential   (or gcc and make of your system)"}},
	{"header-missing", match(`fatal error: (\S+\.h): No such file or directory`),
		"a C header is missing on this machine: $1", []string{"install the development package that has $1, such as python3-dev or libpq-dev"}},

	{"module-missing", match(`(\S+\.go:\d+)(?::\d+)?: no required module provides package ([^\s;]+)`),
		"$1 imports $2, which go.mod does not require", []string{"go get $2   and commit go.mod and go.sum"}},
	{"module-missing", match(`(\S+\.go:\d+)(?::\d+)?: package (\S+) is not in std`),
		"$1 imports $2, which is neither in the standard library nor in go.mod", []string{"correct the import path, or   go get   its module"}},
	{"module-missing", match(`(?:cannot find module providing package|module) (\S+?):? .*(?:unknown revision|not found|no matching versions)`),
		"the module $1 cannot be found", []string{"check its path and version; of a private one: GOPRIVATE and credentials on the machine that builds"}},
	{"module-missing", match(`npm (?:ERR!|error) code E404|npm (?:ERR!|error) notarget No matching version found for (\S+?)\.?$|code ETARGET`),
		"a package or version of package.json is not in the registry", []string{"correct its name or version; the log names it"}},
	{"file-missing", match(unresolved + `((?:\.{0,2}/|@/)[^'"]+)['"]`),
		"a file is missing: $1", []string{committed}},
	{"file-missing", match(unresolved + `((@[^'"/]+/[^'"/]+|[^'"/@]+)/[^'"]*\.(?:css|s[ac]ss|less|styl|svg|png|jpe?g|gif|webp|ico|woff2?|ttf|json|ya?ml|html?|md|txt|wasm|vue|svelte|[cm]?[jt]sx?))['"]`),
		"a file is missing: $1", []string{committed, "or, if it is one of the package $2:   npm install $2   and commit package.json and the lockfile"}},
	{"module-missing", match(unresolved + `(((?:@[^'"/]+/)?[^'"/]+)[^'"]*)['"]`),
		"the module $1 is not installed", []string{"npm install $2   and commit package.json and the lockfile"}},
	{"module-missing", match(`satisfies the requirement (\S+) \(from versions: none\)`),
		"the package index has no $1, or cannot be reached", []string{"correct its name in requirements.txt or pyproject.toml", "or check the index that Stoa is given: PIP_INDEX_URL, ~/.config/pip/pip.conf"}},
	{"module-missing", match(`No matching distribution found for (\S+)`),
		"no version of the package $1 fits", []string{"correct its name or version in requirements.txt or pyproject.toml"}},
	{"module-missing", match(`ModuleNotFoundError: No module named '([^']+)'`),
		"the Python module $1 is not installed", []string{"add the package that has $1 to requirements.txt or pyproject.toml"}},
	{"file-missing", match(`Could not open requirements file: .* '([^']+)'|ENOENT: no such file or directory, open '([^']+)'`),
		"a file is missing: $1$2", []string{committed}},
	{"script-missing", match(`Missing script: "([^"]+)"|Command "([^"]+)" not found\.`),
		"package.json has no script $1$2", []string{`add "$1$2" to the scripts of package.json`}},

	{"syntax-error", match(`File "([^"]+)", line (\d+)`), // kept only if it is one; see explain
		"syntax error at $1:$2", []string{"correct it: $1 line $2"}},
	{"syntax-error", match(`(?:Npm|npm) (?:ERR!|error) code EJSONPARSE|Invalid package\.json`),
		"package.json is not valid JSON", []string{"correct package.json"}},
	{"syntax-error", match(`(go\.mod:\d+): (.+)`), "$1: $2", []string{"correct $1"}},
	{"syntax-error", match(`(\S+\.go:\d+):\d+: (syntax error: .+)`), "$1: $2", []string{"correct $1"}},
	{"compile-error", match(`^(?:\S+: )?(\S+\.go:\d+):\d+: (.+)`), "$1: $2", []string{"correct $1; the same error shows with   go build ./..."}},
	{"compile-error", match(`(\S+\.[cm]?tsx?)[(:](\d+)[,:]\d+\)?(?::| -) error (TS\d+: .+)`), "$1:$2: $3", []string{"correct $1 line $2"}},
	{"syntax-error", match(`^(/\S+\.[cm]?[jt]sx?):(\d+)$`), "error at $1:$2", []string{"correct $1 line $2"}},

	{"tool-missing", match(`(?:sh|bash|/bin/sh)(?:: (?:line )?\d+)?: ([\w./@-]+): (?:command )?not found`),
		"the program $1 is not there", []string{"add the package that has $1 to the dependencies of the source, or install it on the machine that builds"}},
	{"permission", match(`(?i)\bEACCES\b|permission denied`),
		"a file may not be read or written", []string{"check the modes of the files in the source"}},
}

// explain finds the likely cause in the output of a failed command. root is
// cut off paths, since it is only the build's.
func explain(root string, lines []string) (name, summary string, next []string) {
	// The telling part of a line is its beginning; the rest only costs time.
	const enough = 1000
	lines = slices.Clone(lines)
	for i, text := range lines {
		lines[i] = text[:min(len(text), enough)]
	}
	for _, c := range causes {
		for i, text := range lines {
			found := c.pattern.FindStringSubmatchIndex(text)
			if found == nil || c.name == "syntax-error" && strings.HasPrefix(text, "  File") && !isPythonSyntaxError(lines[i:]) {
				continue
			}
			fill := func(template string) string {
				filled := string(c.pattern.ExpandString(nil, template, text, found))
				return strings.ReplaceAll(filled, root+"/", "")
			}
			for _, step := range c.next {
				next = append(next, fill(step))
			}
			return c.name, fill(c.summary), next
		}
	}
	return "", "", nil
}

var pythonSyntaxError = match(`^(?:SyntaxError|IndentationError|TabError):`)

// isPythonSyntaxError tells the place of a syntax error, which is followed by
// the line, a mark and the error, from the frames of any other traceback.
func isPythonSyntaxError(lines []string) bool {
	for _, text := range lines[1:min(5, len(lines))] {
		if pythonSyntaxError.MatchString(strings.TrimSpace(text)) {
			return true
		}
	}
	return false
}

// failure makes the error of a command that ended badly, or could not start.
func failure(root string, command Command, end exit, lines []string, err error) *Error {
	e := &Error{Command: command.title(), ExitCode: end.code, Signal: end.signal, Err: err}
	e.Cause, e.Summary, e.Next = explain(root, lines)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		name := command.Argv[0]
		e.Cause, e.Summary = "tool-missing", "the program "+name+" is not there"
		e.Next = []string{"install " + name + " on the machine that builds, or add the package that has it to the dependencies of the source"}
	case errors.Is(err, syscall.ENOSPC):
		e.Cause, e.Summary = "disk-full", "the disk is full"
		e.Next = []string{"df -h   shows which", "free space, then run the same command again"}
	case e.Cause == "" && (end.signal == syscall.SIGKILL || end.code == 128+int(syscall.SIGKILL)):
		e.Cause, e.Summary = "out-of-memory", "it was killed from outside, most likely because the machine ran out of memory"
		e.Next = []string{"build on a machine with more memory, or stop what else runs there"}
	case e.Cause == "" && end.code == 127:
		e.Cause, e.Summary = "tool-missing", "a program of this step is not there"
		e.Next = []string{"add what has it to the dependencies of the source"}
	}
	e.blameSubmodule(root, lines)
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	e.Lines = lines[max(0, len(lines)-shownLines):]
	return e
}

var submodulePath = regexp.MustCompile(`(?m)^\s*path\s*=\s*"?([^"\n]+?)"?\s*$`)

// blameSubmodule tells of a submodule that the source names and does not have:
// Git clones without them, and what is in them is then missing to the build. It
// is the cause if the output speaks of its folder, and else may be it.
func (e *Error) blameSubmodule(root string, lines []string) {
	if !slices.Contains([]string{"", "module-missing", "file-missing", "compile-error"}, e.Cause) {
		return
	}
	const enough = 64 << 10
	f, err := os.OpenInRoot(root, ".gitmodules") // the source is not trusted to name what is in it
	if err != nil {
		return
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, enough))
	if err != nil {
		return
	}
	const fetch = "git submodule update --init   in the source, then run the same command again"
	for _, found := range submodulePath.FindAllStringSubmatch(string(data), -1) {
		folder := path.Clean(found[1])
		if !filepath.IsLocal(folder) {
			continue
		}
		if held, err := os.ReadDir(filepath.Join(root, folder)); len(held) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
			continue
		}
		if slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, folder+"/") }) {
			e.Cause, e.Summary, e.Next = "submodule-missing", "the folder "+folder+" is a Git submodule, and empty", []string{fetch}
			return
		}
		if !slices.Contains(e.Next, fetch) {
			e.Next = append(e.Next, fetch)
		}
	}
}
