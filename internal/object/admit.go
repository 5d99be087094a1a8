package object

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Admit fills defaults and checks an object, in this order: apiVersion and
// kind, metadata and the fields that were given, the kind's Default, the whole
// schema, the kind's Validate. It returns the object as it is to be stored, or
// every wrong field of the first of these steps that found any.
//
// Unknown and mistyped fields are looked for before Default runs, because
// Default decodes the spec into its Go type and would lose them. Fields that
// are null count as not given.
func (r *Registry) Admit(o Object) (Object, []problem.Field) {
	e, fields := r.identify(&o)
	if len(fields) > 0 {
		return Object{}, fields
	}
	s, err := e.schema()
	if err != nil {
		return Object{}, []problem.Field{{Path: "kind", Message: err.Error()}}
	}
	fields = checkMetadata(e.Kind, o.Metadata)
	wrong, missing := s.read(&o)
	fields = append(fields, wrong...)
	if e.Default == nil {
		fields = append(fields, missing...)
	}
	if len(fields) > 0 {
		return Object{}, fields
	}
	if field, ok := s.decodes(o.Spec); !ok {
		return Object{}, []problem.Field{field}
	}
	if e.Default != nil {
		if fields = s.applyDefault(e.Kind, &o, missing); len(fields) > 0 {
			return Object{}, fields
		}
	}
	if e.Validate != nil {
		for _, issue := range e.Validate(o) {
			fields = append(fields, problem.Field{Path: issue.Path, Message: issue.Message})
		}
	}
	if len(fields) > 0 {
		return Object{}, fields
	}
	return o, nil
}

// applyDefault runs the kind's Default and checks what it made of the object.
// A field that was missing and now has its type's zero value, because Default
// encoded the Go type, is missing still.
func (s *schema) applyDefault(k Kind, o *Object, missing []problem.Field) []problem.Field {
	given := o.Spec
	if err := k.Default(o); err != nil {
		return []problem.Field{{Path: "spec", Message: err.Error()}}
	}
	if bytes.Equal(given, o.Spec) {
		return append(checkMetadata(k, o.Metadata), missing...)
	}
	wrong, stillMissing := s.read(o)
	fields := append(checkMetadata(k, o.Metadata), stillMissing...)
	for _, f := range missing {
		if zeroAt(o.Spec, splitPath(f.Path)[1:]) {
			fields = append(fields, f)
			wrong = slices.DeleteFunc(wrong, func(w problem.Field) bool { return w.Path == f.Path })
		}
	}
	return append(fields, wrong...)
}

// AdmitParsed is Admit for an object read from a file: the fields name the
// file and the line too, in the order of the file.
func (r *Registry) AdmitParsed(p Parsed) (Object, []problem.Field) {
	o, fields := r.Admit(p.Object)
	for i := range fields {
		fields[i].Source, fields[i].Line = p.Source, p.Line(fields[i].Path)
	}
	slices.SortStableFunc(fields, func(a, b problem.Field) int { return cmp.Compare(a.Line, b.Line) })
	return o, fields
}

// identify finds the object's kind and writes it as the kind writes itself.
func (r *Registry) identify(o *Object) (*entry, []problem.Field) {
	var fields []problem.Field
	switch o.APIVersion {
	case APIVersion:
	case "":
		o.APIVersion = APIVersion
	default:
		fields = append(fields, problem.Field{Path: "apiVersion", Message: fmt.Sprintf("is %s, must be %s", quote(o.APIVersion), APIVersion)})
	}
	e, ok := r.byName[lowerKind(o.Kind)]
	switch {
	case ok:
		o.Kind = e.Name
	case o.Kind == "":
		fields = append(fields, problem.Field{Path: "kind", Message: "is missing; " + Suggest("", r.names())})
	default:
		fields = append(fields, problem.Field{Path: "kind", Message: fmt.Sprintf("there is no kind %s; %s", quote(o.Kind), Suggest(o.Kind, r.names()))})
	}
	return e, fields
}

// read decodes the object's spec, drops its nulls and checks it by the schema.
func (s *schema) read(o *Object) (wrong, missing []problem.Field) {
	if len(o.Spec) == 0 || string(o.Spec) == "null" {
		o.Spec = json.RawMessage("{}")
	}
	if s.fits(o.Spec) {
		return nil, nil
	}
	var spec any
	d := json.NewDecoder(bytes.NewReader(o.Spec))
	d.UseNumber()
	if err := d.Decode(&spec); err != nil {
		return []problem.Field{{Path: "spec", Message: "is not JSON: " + err.Error()}}, nil
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return []problem.Field{{Path: "spec", Message: "is not JSON: something follows its end"}}, nil
	}
	pruned, changed, bad := prune(spec, []string{"spec"})
	if bad != nil {
		return []problem.Field{*bad}, nil
	}
	if changed {
		raw, err := json.Marshal(pruned)
		if err != nil {
			return []problem.Field{{Path: "spec", Message: err.Error()}}, nil
		}
		o.Spec = raw
	}
	return s.check(pruned)
}

// fits tells whether the spec fits the schema as it is. That is the usual case
// and costs half of what it takes to explain the others. Numbers are floats
// here, exact enough for every bound that a schema gives.
func (s *schema) fits(raw json.RawMessage) bool {
	var spec any
	return json.Unmarshal(raw, &spec) == nil && !hasNull(spec) && s.spec.Validate(spec) == nil
}

func hasNull(v any) bool {
	switch node := v.(type) {
	case nil:
		return true
	case map[string]any:
		for _, child := range node {
			if hasNull(child) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(node, hasNull)
	}
	return false
}

// prune drops fields that are null, at any depth, and refuses numbers that no
// one can mean: their cost to compute with is out of proportion to their text.
func prune(v any, path []string) (pruned any, changed bool, bad *problem.Field) {
	const longest = 400 // characters; no float needs more
	switch node := v.(type) {
	case map[string]any:
		for key, child := range node {
			if child == nil {
				delete(node, key)
				changed = true
				continue
			}
			p, c, bad := prune(child, append(path, key))
			if bad != nil {
				return nil, false, bad
			}
			if c {
				node[key], changed = p, true
			}
		}
	case []any:
		for i, child := range node {
			p, c, bad := prune(child, append(path, strconv.Itoa(i)))
			if bad != nil {
				return nil, false, bad
			}
			if c {
				node[i], changed = p, true
			}
		}
	case json.Number:
		if f, err := node.Float64(); err != nil || math.IsInf(f, 0) || len(node) > longest {
			return nil, false, &problem.Field{Path: joinPath(path), Message: fmt.Sprintf("%s is out of the range of numbers", quote(node.String()))}
		}
	}
	return v, changed, nil
}

// decodes makes sure that what the schema let pass fits the Go type too: a
// whole number may be too large for its field, or be written 3.0.
func (s *schema) decodes(raw json.RawMessage) (problem.Field, bool) {
	err := json.Unmarshal(raw, reflect.New(s.specType).Interface())
	if err == nil {
		return problem.Field{}, true
	}
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) {
		path := append([]string{"spec"}, pathAt(raw, mistyped.Offset)...)
		return problem.Field{Path: joinPath(path), Message: fmt.Sprintf("%s does not fit %s", mistyped.Value, mistyped.Type)}, false
	}
	return problem.Field{Path: "spec", Message: err.Error()}, false
}
