package build

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// passed names the variables of Stoa's own environment that a build sees; one
// that ends in "*" stands for a prefix. All else, above all every credential,
// stays out. Names are compared without regard to case, since proxies and npm
// are configured in both.
var passed = []string{
	"PATH", "LANG", "LC_*", "TZ",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
	"GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOSUMDB", "GOINSECURE", "GOVCS", "GOFLAGS", "GOTOOLCHAIN", "GOAUTH",
	"NPM_CONFIG_*", "PIP_*", "UV_*", "YARN_*",
}

// unwanted are those of the prefixes above that redirect where packages are
// installed, or belong to the npm that happened to start Stoa.
var unwanted = []string{
	"NPM_CONFIG_PREFIX", "NPM_CONFIG_LOCAL_PREFIX", "NPM_CONFIG_GLOBAL", "NPM_CONFIG_GLOBAL_PREFIX", "NPM_CONFIG_DRY_RUN",
	"NPM_CONFIG_WORKSPACE", "NPM_CONFIG_WORKSPACES", "NPM_CONFIG_OMIT", "NPM_CONFIG_PRODUCTION",
	"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON",
	"UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_WORKING_DIRECTORY",
}

// inherit picks what a build may see of environ, whose entries are "KEY=value".
func inherit(environ, extra []string) map[string]string {
	env := map[string]string{}
	for _, pair := range environ {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			continue
		}
		upper := strings.ToUpper(name)
		allowed := slices.Contains(extra, name) || slices.ContainsFunc(passed, func(pattern string) bool {
			prefix, isPrefix := strings.CutSuffix(pattern, "*")
			return upper == pattern || isPrefix && strings.HasPrefix(upper, prefix)
		})
		if allowed && !slices.Contains(unwanted, upper) {
			env[name] = value
		}
	}
	return env
}

// markVariable carries the build's work folder in the environment of all its
// processes, by which those that left the process group are found.
const markVariable = "STOA_BUILD_DIR"

// environment is what the commands of one build see.
func (b *Builder) environment(work string, tools []tool) map[string]string {
	env := inherit(os.Environ(), b.opts.PassEnv)
	set := func(name, value string) { env[name] = value }
	unset := func(name string) bool {
		for have := range env {
			if strings.EqualFold(have, name) {
				return false
			}
		}
		return true
	}

	set("HOME", filepath.Join(work, "home"))
	set("TMPDIR", filepath.Join(work, "tmp"))
	set("PATH", filepath.Join(work, "bin")+string(filepath.ListSeparator)+searchPath(env["PATH"]))
	set(markVariable, work)
	if unset("LANG") {
		set("LANG", "C.UTF-8")
	}
	// Nobody reads along who could answer or likes colours, but CI stays
	// unset: some tools then take warnings for errors.
	set("TERM", "dumb")
	set("NO_COLOR", "1")
	set("GIT_TERMINAL_PROMPT", "0")
	set("DO_NOT_TRACK", "1")

	cache := func(name string) string { return filepath.Join(b.opts.CacheDir, name) }
	for name := range env {
		if strings.EqualFold(name, "npm_config_cache") || strings.EqualFold(name, "npm_config_userconfig") {
			delete(env, name)
		}
	}
	set("NPM_CONFIG_CACHE", cache("npm"))
	set("NPM_CONFIG_UPDATE_NOTIFIER", "false")
	set("YARN_CACHE_FOLDER", cache("yarn"))
	set("YARN_ENABLE_TELEMETRY", "0")
	set("NEXT_TELEMETRY_DISABLED", "1")
	set("PIP_CACHE_DIR", cache("pip"))
	set("PIP_DISABLE_PIP_VERSION_CHECK", "1")
	set("PIP_NO_INPUT", "1")
	set("PIP_PROGRESS_BAR", "off")
	set("PIP_ROOT_USER_ACTION", "ignore")
	set("PYTHONUNBUFFERED", "1")
	set("UV_CACHE_DIR", cache("uv"))

	// Settings of the user that Stoa runs as, such as a company's own index.
	if home, err := os.UserHomeDir(); err == nil {
		config := os.Getenv("XDG_CONFIG_HOME")
		if config == "" {
			config = filepath.Join(home, ".config")
		}
		for variable, files := range map[string][]string{
			"NPM_CONFIG_USERCONFIG": {os.Getenv("NPM_CONFIG_USERCONFIG"), os.Getenv("npm_config_userconfig"), filepath.Join(home, ".npmrc")},
			"PIP_CONFIG_FILE":       {filepath.Join(config, "pip", "pip.conf"), filepath.Join(home, ".pip", "pip.conf")},
			"UV_CONFIG_FILE":        {filepath.Join(config, "uv", "uv.toml")},
		} {
			i := slices.IndexFunc(files, func(file string) bool { return file != "" && isFile(file) })
			if i >= 0 && unset(variable) {
				set(variable, files[i])
			}
		}
	}
	for _, t := range tools {
		if t.Name == "pnpm" { // npm itself complains of a setting that it does not know
			set("NPM_CONFIG_STORE_DIR", cache("pnpm"))
			// Its hard links would let one build write into the packages of all.
			set("NPM_CONFIG_PACKAGE_IMPORT_METHOD", "clone-or-copy")
		}
		for name, value := range t.env {
			set(name, value)
		}
	}
	return env
}

// searchPath drops the entries of a PATH that depend on the working folder: by
// them the source could name the tools.
func searchPath(path string) string {
	var dirs []string
	for _, dir := range filepath.SplitList(path) {
		if filepath.IsAbs(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	if len(dirs) == 0 {
		return "/usr/local/bin:/usr/bin:/bin"
	}
	return strings.Join(dirs, string(filepath.ListSeparator))
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func pairs(env map[string]string) []string {
	all := make([]string, 0, len(env))
	for _, name := range sortedKeys(env) {
		all = append(all, name+"="+env[name])
	}
	return all
}
