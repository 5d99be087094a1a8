package object

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Registry is the set of kinds that a platform knows. It does not change once
// made and is safe for concurrent use.
type Registry struct {
	kinds  []Kind
	byName map[string]*entry // name in lower case
	byWord map[string]*entry // name, plural and short in lower case
}

// entry is a kind with its schema, which is compiled at its first use: a start
// of the platform or of the CLI pays for no kind that it does not meet.
type entry struct {
	Kind
	schema func() (*schema, error)
}

// NewRegistry returns the registry of the kinds. It refuses a kind without
// name, plural or spec, and words that name two kinds.
func NewRegistry(kinds ...Kind) (*Registry, error) {
	r := &Registry{kinds: slices.Clone(kinds), byName: map[string]*entry{}, byWord: map[string]*entry{}}
	var errs []error
	for _, k := range r.kinds {
		if k.Name == "" || k.Plural == "" || k.Spec == nil {
			errs = append(errs, fmt.Errorf("register kind %q: it needs Name, Plural and Spec", k.Name))
			continue
		}
		if k.Spec.Kind() != k.Name {
			errs = append(errs, fmt.Errorf("register kind %q: its spec says that it is a %q", k.Name, k.Spec.Kind()))
		}
		e := &entry{Kind: k, schema: compileOnce(k)}
		r.byName[lowerKind(k.Name)] = e
		for _, word := range []string{lowerKind(k.Name), lowerKind(k.Plural), lowerKind(k.Short)} {
			if word == "" {
				continue
			}
			if other, taken := r.byWord[word]; taken && other != e {
				errs = append(errs, fmt.Errorf("register kind %q: %q already names %s", k.Name, word, other.Name))
			}
			r.byWord[word] = e
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

// All gives every kind in the order of registration.
func (r *Registry) All() []Kind { return slices.Clone(r.kinds) }

// ByName finds a kind by its name, in any case.
func (r *Registry) ByName(name string) (Kind, bool) {
	e, ok := r.byName[lowerKind(name)]
	if !ok {
		return Kind{}, false
	}
	return e.Kind, true
}

// ByPlural finds a kind by what a person may call it: plural, singular or
// short, in any case. It returns problem.NotFound with the nearest words.
func (r *Registry) ByPlural(word string) (Kind, error) {
	if e, ok := r.byWord[lowerKind(strings.TrimSpace(word))]; ok {
		return e.Kind, nil
	}
	p := problem.New(problem.NotFound, "there is no kind %s", quote(word))
	return Kind{}, p.Because(Suggest(word, r.plurals()))
}

// ParseRef reads "service/shop", where the kind may be any word that ByPlural
// takes, and gives the kind's own name. It returns problem.Invalid for what is
// not a reference and problem.NotFound for a kind that there is not.
func (r *Registry) ParseRef(s string) (Ref, error) {
	ref, err := ParseRef(s)
	if err != nil {
		return Ref{}, err
	}
	k, err := r.ByPlural(ref.Kind)
	if err != nil {
		return Ref{}, err
	}
	return Ref{Kind: k.Name, Name: ref.Name}, nil
}

// Schema gives the JSON Schema (2020-12) of the kind's whole envelope, as
// editors and the API's description use it. It returns problem.NotFound for a
// kind that there is not, any other error for a spec type no schema can be
// made of.
func (r *Registry) Schema(kind string) (json.RawMessage, error) {
	e, ok := r.byName[lowerKind(kind)]
	if !ok {
		return nil, problem.New(problem.NotFound, "there is no kind %s", quote(kind)).Because(Suggest(kind, r.names()))
	}
	s, err := e.schema()
	if err != nil {
		return nil, err
	}
	return slices.Clone(s.document), nil
}

func (r *Registry) plurals() []string {
	words := make([]string, len(r.kinds))
	for i, k := range r.kinds {
		words[i] = k.Plural
	}
	return words
}

func (r *Registry) names() []string {
	names := make([]string, len(r.kinds))
	for i, k := range r.kinds {
		names[i] = k.Name
	}
	return names
}
