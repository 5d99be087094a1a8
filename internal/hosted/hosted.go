// Package hosted says what the facts of a repository on a host such as GitHub or
// GitLab are called. A host tells of the same fact in two ways, by a webhook at
// once and by its API when it is asked later: both must call it alike, so that
// the ledger takes it once.
package hosted

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Repository is one repository, as the events that tell of it name it. The number
// that the host gave it stays when it is renamed or moved, which its address does
// not.
type Repository struct {
	// Number is the host's own number of the repository.
	Number int64
	// Path is where people find it, such as "acme/shop".
	Path string
}

// Source is the CloudEvents source of what a host tells of the repositories
// of one owner: "https://github.com/acme" for the page
// "https://github.com/acme/shop" of the path "acme/shop". It is "" for a page
// that is no address, or not that of the path.
func Source(page, path string) string {
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || path == "" {
		return ""
	}
	below, is := strings.CutSuffix(strings.ToLower(strings.TrimSuffix(u.Path, "/")), "/"+strings.ToLower(path))
	if !is {
		return ""
	}
	owner, _, _ := strings.Cut(strings.ToLower(path), "/")
	return (&url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: below + "/" + owner}).String()
}

func (r Repository) id(kind, item string, state ...string) string {
	return strings.Join(append([]string{strconv.FormatInt(r.Number, 10), kind, item}, state...), "/")
}

// Deployment is the id of the event that a deployment succeeded.
func (r Repository) Deployment(id int64) string { return r.id("deployment", strconv.FormatInt(id, 10)) }

// DeploymentFailed is the id of the event that it did not. It may succeed yet.
func (r Repository) DeploymentFailed(id int64) string { return r.Deployment(id) + "/failed" }

// Run is the id of the event that an attempt of a workflow run came to its end.
func (r Repository) Run(id, attempt int64) string {
	return r.id("run", strconv.FormatInt(id, 10), strconv.FormatInt(max(1, attempt), 10))
}

// Pipeline is the id of the event that a pipeline came into a status, in the
// host's word. One that is tried again keeps its number and ends anew.
func (r Repository) Pipeline(id int64, status string) string {
	return r.id("pipeline", strconv.FormatInt(id, 10), status)
}

// Change names a proposed change, by its number within the repository; the ids
// of what happens to it begin so.
func (r Repository) Change(number int64) Item {
	return Item(r.id("change", strconv.FormatInt(number, 10)))
}

// Issue is Change for an issue, where it is an incident.
func (r Repository) Issue(number int64) Item {
	return Item(r.id("issue", strconv.FormatInt(number, 10)))
}

// Published is the id of the event that a release can be had: id is the host's
// number of it, or its tag where there is none.
func (r Repository) Published(id string) string { return r.id("release", id, "published") }

// About names an item for people, the same in all that is told of it: an
// incident's events belong together by it.
func (r Repository) About(sign string, number int64) string {
	return r.Path + sign + strconv.FormatInt(number, 10)
}

// Item is what can be opened and closed: a change, or an incident.
type Item string

// Once is the id of what can happen to it one time.
func (i Item) Once(what string) string { return string(i) + "/" + what }

// At is the id of what can happen to it again and again.
func (i Item) At(what string, at time.Time) string {
	return string(i) + "/" + what + "/" + strconv.FormatInt(at.Unix(), 10)
}
