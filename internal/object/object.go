// Package object defines what is declared on a platform: the envelope that
// every kind shares, the kinds with their schemas, and typed access to both.
//
// An object reads, in YAML or JSON:
//
//	apiVersion: stoa.dev/v1
//	kind: Service
//	metadata: {name: shop, owner: payments, labels: {tier: web}}
//	spec: {…}
//	status: {…}
//
// spec is what somebody wants and is written through admission; status is what
// a worker observed and is written by that worker only.
package object

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// APIVersion is the only version of the API.
const APIVersion = "stoa.dev/v1"

// Object is the envelope with spec and status still encoded.
type Object struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Metadata   Metadata        `json:"metadata"`
	Spec       json.RawMessage `json:"spec,omitempty"`
	Status     json.RawMessage `json:"status,omitempty"`
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
	// Finalizers are the workers that must clean up before a deleted object goes.
	Finalizers []string `json:"finalizers,omitempty"`

	// UID is unique for ever, also after a deletion and a new creation. Set by the store.
	UID string `json:"uid,omitempty"`
	// Version grows by one with every write. A write that names a version other
	// than the stored one is a conflict; 0 means "whatever is there". Set by the store.
	Version int64 `json:"version,omitempty"`
	// Generation grows by one with every change of spec. Set by the store.
	Generation int64      `json:"generation,omitempty"`
	Created    *time.Time `json:"created,omitempty"`
	Updated    *time.Time `json:"updated,omitempty"`
	// Deleted is when deletion was asked; the object goes when Finalizers is empty.
	Deleted *time.Time `json:"deleted,omitempty"`
}

// Ref names the object as "service/shop".
func (o Object) Ref() Ref { return Ref{Kind: o.Kind, Name: o.Metadata.Name} }

// Ref is the name of an object with its kind, written "kind/name" in lower case.
type Ref struct{ Kind, Name string }

// String gives "service/shop".
func (r Ref) String() string { return lowerKind(r.Kind) + "/" + r.Name }

// Document is an object as it is stored and served: its bytes, with the few
// fields that the store needs beside them. Bytes always holds the JSON of the
// whole envelope.
type Document struct {
	UID     int64
	Kind    string
	Name    string
	Owner   string
	Version int64
	Updated time.Time
	Bytes   []byte
}

// Object decodes the document.
func (d Document) Object() (Object, error) {
	var o Object
	if err := json.Unmarshal(d.Bytes, &o); err != nil {
		return Object{}, fmt.Errorf("decode stored %s/%s: %w", lowerKind(d.Kind), d.Name, err)
	}
	return o, nil
}

// Query selects objects of one kind. The zero value of a field selects all.
type Query struct {
	Kind   string
	Owner  string
	Labels map[string]string // every one must match
	// Fields match top-level fields of spec or status by their JSON text form,
	// such as {"spec.service": "shop"}; every one must match. Only fields that
	// the kind lists in Kind.Fields are allowed.
	Fields map[string]string
	// Search is words that must all appear in name, title, description or owner;
	// the last one matches as a prefix. Results come best first, at most 200.
	Search string
	// Deleted includes objects whose deletion is under way. Default: they are included.
	After string // opaque cursor of the page before: Page.Next
	Limit int    // 1..1000, default 100
	// Newest orders by creation, newest first, instead of by name.
	Newest bool
}

// Page is one page of a list.
type Page struct {
	Items []Document
	Next  string // cursor for Query.After, "" on the last page
}

// Reader reads objects. Both the store and a transaction of it are Readers.
type Reader interface {
	// Get returns problem.NotFound when there is no such object.
	Get(ctx context.Context, kind, name string) (Document, error)
	// List returns problem.Invalid for a cursor or a field that is not allowed.
	List(ctx context.Context, q Query) (Page, error)
}

// Missing is what an error of problem.NotFound is about, where that is one object;
// errors.As finds it.
type Missing struct{ Kind, Name string }

// Error says so.
func (m Missing) Error() string { return fmt.Sprintf("no %s %q", m.Kind, m.Name) }

// NotFound is the problem of an object that is not there.
func NotFound(kind, name string) error {
	return problem.New(problem.NotFound, "%w", Missing{kind, name})
}
