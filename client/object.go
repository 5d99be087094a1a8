package client

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Object is an object of any kind, its spec and status still encoded.
type Object struct {
	APIVersion string          `json:"apiVersion"` // "stoa.dev/v1"
	Kind       string          `json:"kind"`       // such as "Service"
	Metadata   Metadata        `json:"metadata"`
	Spec       json.RawMessage `json:"spec,omitempty"`   // what somebody wants
	Status     json.RawMessage `json:"status,omitempty"` // what the platform observed; empty if it observes nothing
}

// Metadata is what every object has.
type Metadata struct {
	// Name is a DNS label of at most 63 characters, unique within the kind.
	Name string `json:"name"`
	// Title and Description are for people.
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	// Owner is the name of the team that answers for the object.
	Owner string `json:"owner,omitempty"`
	// Labels are for selection: keys and values of at most 63 characters.
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations are for tools: values up to 256 KiB in all.
	Annotations map[string]string `json:"annotations,omitempty"`
	// Finalizers are the workers that clean up before a deleted object goes.
	Finalizers []string `json:"finalizers,omitempty"`

	// The platform sets what follows; of an object that is not stored it is empty.

	// UID is unique for ever, also after a deletion and a new creation.
	UID string `json:"uid,omitempty"`
	// Version grows by one with every write. A write that names another one than
	// the stored is a Conflict; 0 means "whatever is there".
	Version int64 `json:"version,omitempty"`
	// Generation grows by one with every change of spec.
	Generation int64      `json:"generation,omitempty"`
	Created    *time.Time `json:"created,omitempty"`
	Updated    *time.Time `json:"updated,omitempty"`
	// Deleted is when deletion was asked; the object goes when Finalizers is empty.
	Deleted *time.Time `json:"deleted,omitempty"`
}

// Change is one field that differs between two versions of an object.
type Change struct {
	Path string          `json:"Path"` // such as "spec.ports[0].port"
	Old  json.RawMessage `json:"Old"`  // null when the field is new
	New  json.RawMessage `json:"New"`  // null when the field is gone
}

// The outcomes of an applied object.
const (
	Created   = "created"
	Updated   = "updated"
	Unchanged = "unchanged"
	Deleted   = "deleted"
)

// Applied is what became of the objects of an apply.
type Applied struct {
	Items    []AppliedItem `json:"items"`
	Verdicts []Verdict     `json:"gates"`
	DryRun   bool          `json:"dryRun,omitempty"` // nothing was changed
}

// AppliedItem is what became of one object.
type AppliedItem struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Outcome string   `json:"outcome"` // Created, Updated, Unchanged or Deleted
	Changes []Change `json:"changes,omitempty"`
}

// Kind is what the platform tells of a kind of object.
type Kind struct {
	Name   string   `json:"name"`            // such as "Service"
	Plural string   `json:"plural"`          // the word of the address, such as "services"
	Short  string   `json:"short,omitempty"` // such as "svc"; may be empty
	About  string   `json:"about"`
	Owned  bool     `json:"owned,omitempty"`  // every object has an owning team
	Fields []string `json:"fields,omitempty"` // that lists can be filtered by
}

// Kinds lists the kinds that the platform knows.
func (c *Client) Kinds(ctx context.Context) ([]Kind, error) {
	var out struct {
		Items []Kind `json:"items"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/kinds", nil, nil, &out)
	return out.Items, err
}

// Kind finds a kind by what a person may call it: plural, singular or short,
// in any case.
func (c *Client) Kind(ctx context.Context, word string) (Kind, error) {
	var k Kind
	err := c.do(ctx, http.MethodGet, "/api/v1/kinds/"+url.PathEscape(word), nil, nil, &k)
	return k, err
}

// Query selects objects of a list. The zero value of a field selects all.
type Query struct {
	Owner  string            // only objects of this team
	Labels map[string]string // every one must match
	Fields map[string]string // such as {"spec.service": "shop"}, of Kind.Fields; every one must match
	Search string            // words, at most 200 characters
	Newest bool              // newest first instead of by name
	After  string            // the Next of the page before
	Limit  int               // 1 to 1000; 0 is 100
}

// Page is one page of a list: each item the JSON of an Object, of a Service or
// of a Release.
type Page struct {
	Items []json.RawMessage `json:"items"`
	Next  string            `json:"next"` // the After of the next page, "" on the last
}

// Get returns an object's JSON; plural is the kind's, such as "services".
func (c *Client) Get(ctx context.Context, plural, name string) (json.RawMessage, error) {
	var raw json.RawMessage
	err := c.do(ctx, http.MethodGet, "/api/v1/"+plural+"/"+url.PathEscape(name), nil, nil, &raw)
	return raw, err
}

// List returns one page of objects.
func (c *Client) List(ctx context.Context, plural string, q Query) (Page, error) {
	v := url.Values{}
	set(v, "owner", q.Owner)
	set(v, "search", q.Search)
	set(v, "after", q.After)
	for k, value := range q.Labels {
		v.Add("label", k+"="+value)
	}
	for k, value := range q.Fields {
		v.Add("field", k+"="+value)
	}
	if q.Newest {
		v.Set("newest", "true")
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	var page Page
	err := c.do(ctx, http.MethodGet, "/api/v1/"+plural, v, nil, &page)
	return page, err
}

// allAtOnce is how many objects All asks for with each request.
const allAtOnce = 1000

// All goes through all objects of a kind, page by page. An error comes last, with
// no object.
func (c *Client) All(ctx context.Context, plural string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		for q := (Query{Limit: allAtOnce}); ; {
			page, err := c.List(ctx, plural, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, raw := range page.Items {
				if !yield(raw, nil) {
					return
				}
			}
			if q.After = page.Next; q.After == "" {
				return
			}
		}
	}
}

// Apply creates or updates the objects of a YAML or JSON stream, all or none.
// source is the file's name, for problems.
func (c *Client) Apply(ctx context.Context, r io.Reader, source, reason string, dryRun bool) (Applied, error) {
	v := url.Values{}
	set(v, "source", source)
	set(v, "reason", reason)
	if dryRun {
		v.Set("dryRun", "true")
	}
	var result Applied
	err := c.send(ctx, http.MethodPost, "/api/v1/apply", v, "application/yaml", r, &result)
	return result, err
}

// Delete removes an object; its workers clean up first.
func (c *Client) Delete(ctx context.Context, plural, name, reason string, dryRun bool) (Applied, error) {
	v := url.Values{}
	set(v, "reason", reason)
	if dryRun {
		v.Set("dryRun", "true")
	}
	var result Applied
	err := c.do(ctx, http.MethodDelete, "/api/v1/"+plural+"/"+url.PathEscape(name), v, nil, &result)
	return result, err
}

// Revision is one version of an object.
type Revision struct {
	Version int64     `json:"version"` // from 1
	Actor   string    `json:"actor"`   // who wrote it, such as "user/ann"; a pseudonym once the person is erased
	At      time.Time `json:"at"`
	Deleted bool      `json:"deleted,omitempty"`
	Changes []Change  `json:"changes"` // what differs from the version before
	Object  Object    `json:"object"`
}

// History returns an object's versions, newest first, and the before of the
// next page, "" on the last; before "" begins with the latest.
func (c *Client) History(ctx context.Context, plural, name, before string, limit int) ([]Revision, string, error) {
	v := url.Values{}
	set(v, "before", before)
	if limit > 0 {
		v.Set("limit", strconv.Itoa(limit))
	}
	var out struct {
		Items []Revision `json:"items"`
		Next  string     `json:"next"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/"+plural+"/"+url.PathEscape(name)+"/history", v, nil, &out)
	return out.Items, out.Next, err
}

func set(v url.Values, key, value string) {
	if value != "" {
		v.Set(key, value)
	}
}
