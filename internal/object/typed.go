package object

import (
	"context"
	"encoding/json"
	"fmt"
)

// Spec is implemented by the spec type of every kind; it names the kind.
type Spec interface{ Kind() string }

// Typed is an object with its spec and status decoded. A room names its kinds
// by it: type Service = object.Typed[ServiceSpec, ServiceStatus].
type Typed[S Spec, T any] struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       S        `json:"spec"`
	Status     T        `json:"status,omitzero"`
}

// New returns an object of the kind with its name and owner set.
func New[S Spec, T any](name, owner string, spec S) Typed[S, T] {
	return Typed[S, T]{APIVersion: APIVersion, Kind: spec.Kind(), Metadata: Metadata{Name: name, Owner: owner}, Spec: spec}
}

// Object encodes the typed object.
func (t *Typed[S, T]) Object() (Object, error) {
	spec, err := json.Marshal(t.Spec)
	if err != nil {
		return Object{}, fmt.Errorf("encode spec of %s: %w", t.Ref(), err)
	}
	status, err := json.Marshal(t.Status)
	if err != nil {
		return Object{}, fmt.Errorf("encode status of %s: %w", t.Ref(), err)
	}
	if string(status) == "{}" || string(status) == "null" {
		status = nil
	}
	return Object{APIVersion: APIVersion, Kind: t.Spec.Kind(), Metadata: t.Metadata, Spec: spec, Status: status}, nil
}

// Ref names the object.
func (t *Typed[S, T]) Ref() Ref { return Ref{Kind: t.Spec.Kind(), Name: t.Metadata.Name} }

// KindName gives the kind of the zero object, for generic code.
func (t *Typed[S, T]) KindName() string { var s S; return s.Kind() }

// Load decodes a document's bytes into t.
func (t *Typed[S, T]) Load(doc []byte) error {
	*t = Typed[S, T]{}
	if err := json.Unmarshal(doc, t); err != nil {
		return fmt.Errorf("decode %s: %w", t.KindName(), err)
	}
	return nil
}

// From decodes the spec and status of o into t.
func (t *Typed[S, T]) From(o Object) error {
	*t = Typed[S, T]{APIVersion: o.APIVersion, Kind: o.Kind, Metadata: o.Metadata}
	for _, part := range []struct {
		name string
		raw  json.RawMessage
		into any
	}{{"spec", o.Spec, &t.Spec}, {"status", o.Status, &t.Status}} {
		if len(part.raw) == 0 {
			continue
		}
		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return fmt.Errorf("decode %s of %s: %w", part.name, o.Ref(), err)
		}
	}
	return nil
}

// Loader is a pointer to a typed object; *Typed implements it.
type Loader[O any] interface {
	*O
	KindName() string
	Load(doc []byte) error
	From(o Object) error
	Object() (Object, error)
}

// Get reads one object: object.Get[catalog.Service](ctx, store, "shop").
// It returns problem.NotFound when there is none.
func Get[O any, P Loader[O]](ctx context.Context, r Reader, name string) (O, error) {
	var o O
	doc, err := r.Get(ctx, P(&o).KindName(), name)
	if err != nil {
		return o, err
	}
	return o, P(&o).Load(doc.Bytes)
}

// List reads one page of typed objects and the cursor of the next.
func List[O any, P Loader[O]](ctx context.Context, r Reader, q Query) ([]O, string, error) {
	var zero O
	q.Kind = P(&zero).KindName()
	page, err := r.List(ctx, q)
	if err != nil {
		return nil, "", err
	}
	items := make([]O, len(page.Items))
	for i, doc := range page.Items {
		if err := P(&items[i]).Load(doc.Bytes); err != nil {
			return nil, "", err
		}
	}
	return items, page.Next, nil
}

// All reads every object that q selects, page by page.
func All[O any, P Loader[O]](ctx context.Context, r Reader, q Query) ([]O, error) {
	var all []O
	for {
		items, next, err := List[O, P](ctx, r, q)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if next == "" {
			return all, nil
		}
		q.After = next
	}
}

// Writer is a transaction that reads and writes objects.
type Writer interface {
	Reader
	// Put creates or replaces an object and gives its stored form. It returns
	// problem.Conflict when o.Metadata.Version is neither 0 nor the stored one.
	Put(ctx context.Context, o Object) (Document, error)
}

// Update reads an object, lets change alter it and writes it back, inside the
// transaction w, so that no write can come between.
func Update[O any, P Loader[O]](ctx context.Context, w Writer, name string, change func(*O) error) (O, error) {
	o, err := Get[O, P](ctx, w, name)
	if err != nil {
		return o, err
	}
	if err := change(&o); err != nil {
		return o, err
	}
	raw, err := P(&o).Object()
	if err != nil {
		return o, err
	}
	doc, err := w.Put(ctx, raw)
	if err != nil {
		return o, err
	}
	return o, P(&o).Load(doc.Bytes)
}
