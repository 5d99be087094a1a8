package history

import (
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/semver"

	"github.com/stoa-platform/stoa/internal/object"
)

// Lengths in bytes of what an event may carry.
const (
	maxID   = 1024
	maxName = 253
)

// What names and messages give away.
var (
	revertLine   = regexp.MustCompile(`(?i)\breverts commit\s+([0-9a-f]{7,64})\b`)
	hotfixName   = regexp.MustCompile(`(?i)(^|[^a-z])hot-?fix([^a-z]|$)`)
	hotfixBranch = regexp.MustCompile(`(?i)^Merge (?:(?:remote-tracking )?branch '(?:[^'/]+/)?hot-?fix[-/_]|pull request #\d+ from [^\s/]+/hot-?fix[-/_])`)
	version      = regexp.MustCompile(`^[vV]?\d+(\.\d+)*([-+.].*)?$`)
	early        = regexp.MustCompile(`(?i)[-.\d](alpha|beta|rc|pre|preview|dev|snapshot|nightly|canary|milestone|m\d)([-.\d]|$)`)
	commitID     = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
)

// maxReverts is how many commits one message is believed to undo.
const maxReverts = 100

// readMessage finds in a commit's message what it undoes and whether it merges
// an urgent repair.
func (c *commit) readMessage(message string) {
	for _, m := range revertLine.FindAllStringSubmatch(message, maxReverts) {
		c.reverts = append(c.reverts, strings.ToLower(m[1]))
	}
	c.hotfix = hotfixBranch.MatchString(message)
}

// finished reports whether a tag looks like the version of a release that is
// not a preliminary one.
func finished(tag string) bool { return version.MatchString(tag) && !early.MatchString(tag) }

// newer reports whether tag is a greater version than other; false when either
// is none.
func newer(tag, other string) bool {
	a, b := "v"+strings.TrimLeft(tag, "vV"), "v"+strings.TrimLeft(other, "vV")
	return semver.IsValid(a) && semver.IsValid(b) && semver.Compare(a, b) > 0
}

// serviceName makes the name of a service of what a repository is called.
func serviceName(name string) string { return object.SlugName(strings.TrimSuffix(name, ".git")) }

// environmentName makes the name of an environment of what a host calls it.
func environmentName(name string) string { return object.SlugName(name) }

// person is the principal behind a name of one kind of place, such as "git".
func person(place, name string) actor {
	name = clean(strings.ToLower(name), maxName-len(place)-1) // in lower case some letters are longer
	if name == "" {
		return actor{}
	}
	return actor{name: place + "/" + name, bot: strings.HasSuffix(name, "[bot]") || strings.Contains(name, "[bot]@")}
}

// clean takes out of a text what an event may not carry.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return cut(strings.TrimSpace(s), limit)
}

// cut shortens a text to so many bytes, between two characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// seconds reads a time in seconds since 1970; none where no calendar has it.
func seconds(text string) time.Time {
	const year9999 = 253402300799
	unix, err := strconv.ParseInt(text, 10, 64)
	if err != nil || unix <= 0 || unix > year9999 {
		return time.Time{}
	}
	return time.Unix(unix, 0).UTC()
}

// plainRemote gives a remote's address as a web page's, without credentials;
// "" for one that is only a folder.
func plainRemote(remote string) string {
	at, rest, ok := strings.Cut(remote, ":")
	if ok && !strings.Contains(remote, "://") && !strings.Contains(at, "/") && len(at) > 1 && !strings.HasPrefix(rest, ":") {
		_, host, isUser := strings.Cut(at, "@")
		if !isUser {
			host = at
		}
		remote = "ssh://" + host + "/" + strings.TrimPrefix(rest, "/")
	}
	u, err := url.Parse(remote)
	if err != nil || u.Host == "" {
		return ""
	}
	switch u.Scheme {
	case "ssh", "git", "git+ssh":
		u.Scheme, u.Host = "https", u.Hostname()
	case "http", "https":
	default:
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	u.Path = strings.TrimSuffix(path.Clean("/"+u.Path), ".git")
	return u.String()
}
