package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/object"
)

// Object is an object of any kind, its spec and status still encoded.
type Object = object.Object

// Change is one field that differs between two versions of an object.
type Change = object.Change

// Applied is what became of the objects of an apply.
type Applied = admission.Result

// Kind is what the platform tells of a kind of object.
type Kind struct {
	Name   string   `json:"name"`
	Plural string   `json:"plural"`
	Short  string   `json:"short"`
	About  string   `json:"about"`
	Owned  bool     `json:"owned"`
	Fields []string `json:"fields"` // that lists can be filtered by
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
	Owner  string
	Labels map[string]string
	Fields map[string]string
	Search string
	Newest bool
	After  string
	Limit  int
}

// Page is one page of a list.
type Page struct {
	Items []json.RawMessage `json:"items"`
	Next  string            `json:"next"`
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
	Version int64     `json:"version"`
	Actor   string    `json:"actor"`
	At      time.Time `json:"at"`
	Deleted bool      `json:"deleted"`
	Changes []Change  `json:"changes"`
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
