package backstage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/stoa-platform/stoa/internal/object"
)

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
	settle(now.Kind, want, result)
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

// settle sees to what excludes each other: whom people have made an owner of a
// team is a member already, and an API is defined by a text or an address.
func settle(kind string, want, result map[string]any) {
	spec, _ := result["spec"].(map[string]any)
	said, _ := want["spec"].(map[string]any)
	switch {
	case kind == "Team" && spec != nil:
		settleMembers(spec)
	case kind == "API" && said["definitionURL"] != nil:
		delete(spec, "definition")
	case kind == "API" && said["definition"] != nil:
		delete(spec, "definitionURL")
	}
}

func settleMembers(spec map[string]any) {
	owners, _ := spec["owners"].([]any)
	members, _ := spec["members"].([]any)
	own := setOf(owners)
	left := slices.DeleteFunc(slices.Clone(members), func(v any) bool { return own[keyOf(v)] })
	if len(left) == 0 {
		delete(spec, "members")
	} else {
		spec["members"] = left
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
