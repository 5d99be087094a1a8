package backstage

import (
	"encoding/json"
	"fmt"
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
	mine := map[Ref]*Entity{}
	for _, e := range read.Entities {
		mine[e.Ref] = e
	}
	all := slices.Clone(read.Entities)
	notes = slices.Clone(read.Notes)
	for _, e := range old {
		if again := mine[e.Ref]; again != nil {
			if again.Path != e.Path {
				notes = append(notes, Note{"moved", e.Ref.String() + " was declared in " + e.Path + " before", place(again.File, again.Line)})
			}
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
