package backstage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
)

// Wanted is an object as an import wants it to be.
type Wanted struct {
	Object object.Object
	// Entity is what declares it; nil for what is only named, or changes because
	// of what others say.
	Entity *Entity
	File   string
	line   int
}

// Line gives the line of File that a field of the object comes from, or the
// nearest one around it.
func (w Wanted) Line(path string) int {
	if w.Entity == nil {
		return w.line
	}
	if path == "metadata.owner" {
		path = "spec.owner"
	}
	return w.Entity.LineOf(path)
}

// Merge gives the objects that the reading changes on a platform that holds
// others, and all that it declares. A field that people have set there stays
// unless the catalog says otherwise now than when it was imported last. What the
// catalog no longer says goes, unless keep is set: then nothing does. Objects
// are never removed.
//
// It returns problem.Invalid when entities cannot stand beside each other.
func Merge(platform []object.Object, read *Reading, keep bool) (_ []Wanted, notes []Note, err error) {
	current := map[object.Ref]object.Object{}
	for _, o := range platform {
		current[o.Ref()] = o
	}
	old := keptOf(platform)
	mine := map[Ref]bool{}
	for _, e := range read.Entities {
		mine[e.Ref] = true
	}
	all := slices.Clone(read.Entities)
	notes = slices.Clone(read.Notes)
	for _, e := range old {
		if mine[e.Ref] {
			continue
		}
		all = append(all, e)
		if slices.Contains(read.Paths, e.Path) {
			notes = append(notes, Note{"gone", fmt.Sprintf("%s is no longer declared: stoa delete %s", e.Ref, strings.Replace(e.object().String(), "/", " ", 1)), e.Path})
		}
	}
	next, wrong := Translate(all)
	if len(wrong) > 0 {
		return nil, nil, object.Invalid("the catalog cannot be imported; nothing was changed", wrong)
	}
	before, _ := Translate(old) // what is wrong among what is kept stops nobody
	was := map[object.Ref]*Item{}
	for _, item := range before.Items {
		was[item.Object.Ref()] = item
	}
	notes = append(notes, next.Notes...)
	var wanted []Wanted
	missing := map[object.Ref]Wanted{} // what is only named, and is not there
	for _, item := range next.Items {
		ref := item.Object.Ref()
		now, there := current[ref]
		w := Wanted{Object: item.Object, File: item.File, line: item.Line}
		declared := item.Entity != nil && !item.Entity.kept
		if declared {
			w.Entity = item.Entity
		}
		if !there && !declared && !grown(was[ref], item) {
			missing[ref] = w
			continue
		}
		if !there && !declared {
			notes = append(notes, made(w))
		}
		if there {
			var changed bool
			if w.Object, changed, err = merge(was[ref], item, now, keep); err != nil {
				return nil, nil, err
			}
			if !declared && !changed {
				continue
			}
		}
		wanted = append(wanted, w)
	}
	// Of what was named before and is missing only that is made which something
	// wanted names: people may have removed the rest.
	for i := 0; i < len(wanted); i++ {
		for _, ref := range named(wanted[i].Object) {
			if w, ok := missing[ref]; ok {
				delete(missing, ref)
				wanted = append(wanted, w)
				notes = append(notes, made(w))
			}
		}
	}
	slices.SortFunc(wanted, func(a, b Wanted) int { return compareRefs(a.Object.Ref(), b.Object.Ref()) })
	return wanted, notes, nil
}

func made(w Wanted) Note {
	return Note{"made", w.Object.Ref().String() + ", which is named and declared nowhere", place(w.File, w.line)}
}

// grown tells whether what is only named was not so at the last import, or has
// members now that it did not have.
func grown(was, item *Item) bool {
	if was == nil {
		return true
	}
	old := named(was.Object)
	return slices.ContainsFunc(named(item.Object), func(ref object.Ref) bool { return !slices.Contains(old, ref) })
}

// named gives the teams and people that an object names.
func named(o object.Object) []object.Ref {
	refs := []object.Ref{{Kind: "Team", Name: o.Metadata.Owner}}
	var team catalog.Team
	if o.Kind == "Team" && team.From(o) == nil {
		for _, name := range membersOf(team) {
			refs = append(refs, object.Ref{Kind: "User", Name: name})
		}
	}
	return refs
}

// keptOf gives the entities that a platform's objects were imported from.
func keptOf(platform []object.Object) []*Entity {
	var kept []*Entity
	inferred := map[string]bool{} // teams that stand for a person
	for _, o := range platform {
		if o.Kind == "Team" && o.Metadata.Annotations[AnnotationInferred] != "" {
			inferred[o.Metadata.Name] = true
		}
	}
	for _, o := range platform {
		e, ok := Kept(o)
		if !ok {
			continue
		}
		kept = append(kept, e)
		var spec struct{ OwnerSource string }
		if _, said := e.one(refOwner); said || json.Unmarshal(o.Spec, &spec) != nil || spec.OwnerSource == "" {
			continue
		}
		e.Team, e.TeamSource = o.Metadata.Owner, spec.OwnerSource
		if person, ok := strings.CutPrefix(e.Team, "user-"); ok && inferred[e.Team] {
			e.Team = person
		}
	}
	return kept
}

// merge gives the object with what the catalog says now.
func merge(was, next *Item, now object.Object, keep bool) (merged object.Object, changed bool, err error) {
	base, given, want := map[string]any{}, tree(now), tree(next.Object)
	if was != nil {
		base = tree(was.Object)
	}
	if next.Entity == nil { // it is only named: that adds nothing to what is known of it
		for _, side := range []map[string]any{base, want} {
			delete(side, "annotations")
			if labels, ok := side["labels"].(map[string]any); ok {
				if delete(labels, LabelFrom); len(labels) == 0 {
					delete(side, "labels")
				}
			}
		}
	}
	if now.Kind == "API" {
		heal(base, given)
	}
	result, _ := three(base, want, tree(now), keep).(map[string]any)
	settleOwner(want, given, result)
	before, err := json.Marshal(given)
	if err != nil {
		return now, false, fmt.Errorf("encode %s: %w", now.Ref(), err)
	}
	after, err := json.Marshal(result)
	if err != nil {
		return now, false, fmt.Errorf("encode %s: %w", now.Ref(), err)
	}
	if bytes.Equal(before, after) {
		return now, false, nil
	}
	merged = now
	var into struct {
		Title, Description, Owner string
		Labels, Annotations       map[string]string
		Spec                      json.RawMessage
	}
	if err := json.Unmarshal(after, &into); err != nil {
		return now, false, fmt.Errorf("decode %s: %w", now.Ref(), err)
	}
	m := &merged.Metadata
	m.Title, m.Description, m.Owner, m.Labels, m.Annotations = into.Title, into.Description, into.Owner, into.Labels, into.Annotations
	merged.Spec, merged.Status = into.Spec, nil
	return merged, true, nil
}

// heal takes out of what an API was what it is no longer said to be. Who calls
// it is the callers' word, and who imported that may not have been allowed to
// write it here: it is then written at the next occasion.
func heal(base, given map[string]any) {
	was, _ := base["spec"].(map[string]any)
	is, _ := given["spec"].(map[string]any)
	if is["provider"] == nil {
		delete(was, "provider")
	}
	if consumers, ok := was["consumers"].([]any); ok {
		now, _ := is["consumers"].([]any)
		there := setOf(now)
		was["consumers"] = slices.DeleteFunc(consumers, func(v any) bool { return !there[keyOf(v)] })
	}
}

// settleOwner lets what is said or confirmed of an owner prevail over what is
// inferred.
func settleOwner(want, given, result map[string]any) {
	inferred := func(side map[string]any) bool {
		spec, _ := side["spec"].(map[string]any)
		return spec["ownerSource"] != nil
	}
	spec, ok := result["spec"].(map[string]any)
	switch {
	case !ok || want["owner"] == nil:
	case !inferred(want) && result["owner"] == want["owner"]:
		delete(spec, "ownerSource")
	case inferred(want) && given["owner"] != nil && !inferred(given):
		result["owner"] = given["owner"]
		delete(spec, "ownerSource")
	}
}

// tree gives what a catalog can say of an object as plain values.
func tree(o object.Object) map[string]any {
	t := map[string]any{}
	for key, text := range map[string]string{"title": o.Metadata.Title, "description": o.Metadata.Description, "owner": o.Metadata.Owner} {
		if text != "" {
			t[key] = text
		}
	}
	for key, pairs := range map[string]map[string]string{"labels": o.Metadata.Labels, "annotations": o.Metadata.Annotations} {
		if len(pairs) > 0 {
			m := map[string]any{}
			for k, v := range pairs {
				m[k] = v
			}
			t[key] = m
		}
	}
	var spec map[string]any
	if d := json.NewDecoder(bytes.NewReader(o.Spec)); len(o.Spec) > 0 {
		d.UseNumber()
		if d.Decode(&spec) == nil && spec != nil {
			t["spec"] = spec
		}
	}
	if t["spec"] == nil {
		t["spec"] = map[string]any{}
	}
	return t
}

// three merges: what differs between was and next is done to now. Lists are
// taken as sets. nil is nothing there.
func three(was, next, now any, keep bool) any {
	if m, ok := now.(map[string]any); ok {
		from, _ := was.(map[string]any)
		to, ok := next.(map[string]any)
		if ok || next == nil {
			for key := range union(from, to, m) {
				if v := three(from[key], to[key], m[key], keep); v != nil {
					m[key] = v
				} else {
					delete(m, key)
				}
			}
			if len(m) == 0 && next == nil {
				return nil
			}
			return m
		}
	}
	if l, ok := now.([]any); ok {
		from, _ := was.([]any)
		to, ok := next.([]any)
		if ok || next == nil {
			return lists(from, to, l, keep)
		}
	}
	switch {
	case reflect.DeepEqual(was, next):
		return now
	case next == nil && keep:
		return now
	}
	return next
}

func lists(was, next, now []any, keep bool) any {
	old, new := setOf(was), setOf(next)
	result := slices.DeleteFunc(slices.Clone(now), func(v any) bool { return !keep && old[keyOf(v)] && !new[keyOf(v)] })
	there := setOf(result)
	for _, v := range next {
		if key := keyOf(v); !old[key] && !there[key] {
			result = append(result, v)
		}
	}
	if len(result) == 0 {
		return nil
	}
	return result
}

func setOf(list []any) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, v := range list {
		set[keyOf(v)] = true
	}
	return set
}

func keyOf(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	raw, _ := json.Marshal(v) // it was decoded from JSON
	return "\x00" + string(raw)
}

func union(maps ...map[string]any) map[string]bool {
	keys := map[string]bool{}
	for _, m := range maps {
		for key := range m {
			keys[key] = true
		}
	}
	return keys
}
