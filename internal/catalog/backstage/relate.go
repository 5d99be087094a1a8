package backstage

import (
	"fmt"
	"slices"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
)

// relate fills in what a draft has to do with others.
func (t *translator) relate(d *draft) {
	e := d.entity
	switch spec := d.spec.(type) {
	case *catalog.TeamSpec:
		d.meta.Owner = d.ref.Name
		for _, ref := range t.refs(e, refMembers) {
			t.join(d, ref, e, "spec.members")
		}
		if parent, ok := e.one(refParent); ok {
			d.label(LabelParent, t.team(parent, e, "spec.parent").ref.Name)
		}
		for _, child := range t.refs(e, refChildren) {
			below := t.team(child, e, "spec.children")
			if below != d && below.meta.Labels[LabelParent] == "" {
				below.label(LabelParent, d.ref.Name)
			}
		}
	case *catalog.UserSpec:
		for _, ref := range t.refs(e, refMemberOf) {
			t.join(t.team(ref, e, "spec.memberOf"), e.Ref, e, "spec.memberOf")
		}
	case *catalog.ServiceSpec:
		d.meta.Owner, spec.OwnerSource = t.owner(e)
		for _, api := range t.apis(e, refProvides) {
			switch api.Provider {
			case "", d.ref.Name:
				api.Provider = d.ref.Name
			default:
				t.unlike(e, "being a second provider of an API")
			}
		}
		for _, api := range t.apis(e, refConsumes) {
			api.Consumers = insert(api.Consumers, d.ref.Name)
		}
	case *catalog.SystemSpec:
		d.meta.Owner, spec.OwnerSource = t.owner(e)
	case *catalog.APISpec:
		d.meta.Owner, spec.OwnerSource = t.owner(e)
	case *catalog.EntitySpec:
		d.meta.Owner, _ = t.owner(e)
	}
}

// refs gives what a field names; what is wrong with it was told when it was read.
func (t *translator) refs(e *Entity, f reference) []Ref {
	refs, _ := e.refs(f)
	return refs
}

// owner gives the team that an entity names, or that CODEOWNERS does.
func (t *translator) owner(e *Entity) (team, source string) {
	if ref, ok := e.one(refOwner); ok {
		return t.team(ref, e, "spec.owner").ref.Name, ""
	}
	if e.Team == "" {
		return "", ""
	}
	ref := Ref{"group", DefaultNamespace, e.Team}
	// A single person may stand in CODEOWNERS too.
	person := Ref{"user", DefaultNamespace, e.Team}
	if t.declared[ref] == nil && t.declared[person] != nil {
		ref = person
	}
	team = t.team(ref, e, "metadata.name").ref.Name
	if !e.kept {
		t.notes = append(t.notes, Note{"inferred", fmt.Sprintf("%s is owned by %s, unconfirmed", e.written(), team), e.TeamSource})
	}
	return team, e.TeamSource
}

// team gives the draft of a team, made when nobody has declared it.
func (t *translator) team(ref Ref, by *Entity, path string) *draft {
	at := ref.team()
	d := t.drafts[at]
	if d == nil {
		d = t.named(at, by, path)
		d.spec, d.meta.Owner = &catalog.TeamSpec{}, at.Name
	}
	if ref.Kind == "user" {
		t.join(d, ref, by, path)
	}
	return d
}

// named makes the draft of what is named and declared nowhere.
func (t *translator) named(at object.Ref, by *Entity, path string) *draft {
	d := &draft{ref: at, file: by.File, line: by.LineOf(path), meta: object.Metadata{Name: at.Name}}
	d.label(LabelFrom, format)
	d.annotate(AnnotationInferred, by.String())
	t.drafts[at] = d
	return d
}

// join makes a person a member of a team.
func (t *translator) join(team *draft, person Ref, by *Entity, path string) {
	at := Ref{"user", person.Namespace, person.Name}.object()
	if t.drafts[at] == nil {
		t.named(at, by, path).spec = &catalog.UserSpec{}
	}
	spec := team.spec.(*catalog.TeamSpec)
	spec.Members = insert(spec.Members, at.Name)
}

// apis gives the APIs that a field names and that are declared: of one that is
// not, nobody knows whose it is.
func (t *translator) apis(e *Entity, f reference) []*catalog.APISpec {
	var found []*catalog.APISpec
	for _, ref := range t.refs(e, f) {
		d := t.drafts[Ref{"api", ref.Namespace, ref.Name}.object()]
		if d == nil {
			t.note("kept", e, "spec."+f.name, "%s is declared nowhere", ref)
			continue
		}
		found = append(found, d.spec.(*catalog.APISpec))
	}
	return found
}

// insert adds a name to a sorted list once.
func insert(names []string, name string) []string {
	at, there := slices.BinarySearch(names, name)
	if there {
		return names
	}
	return slices.Insert(names, at, name)
}
