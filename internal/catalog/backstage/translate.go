package backstage

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// What an imported object carries besides what it is.
const (
	// LabelFrom marks what an import has written.
	LabelFrom = catalog.LabelImported
	// LabelParent names the team that a team is a part of.
	LabelParent = "stoa.dev/parent"
	// AnnotationEntity holds the entity's own text, for the next import and for
	// an export; of an API without its definition, which the object has.
	AnnotationEntity = "stoa.dev/backstage-entity"
	// AnnotationFile names the file that it stood in.
	AnnotationFile = "stoa.dev/backstage-file"
	// AnnotationInferred names who made Stoa think that there is such a thing.
	AnnotationInferred = "stoa.dev/inferred-from"

	format = "backstage"
)

// Item is an object with the entity that it was made of.
type Item struct {
	Object object.Object
	// Entity is nil for what is not declared but only named by others: a team
	// that owns, a person who is a member.
	Entity *Entity
	// File and Line are where it is declared or first named.
	File string
	Line int
}

// Translation is what entities become together.
type Translation struct {
	Items []*Item // teams, people, systems, services, APIs, entities; each by name
	Notes []Note
}

// Translate turns entities into objects. What they come to depends on them
// alone, and on all of them: who is a member of a team is said by teams and by
// people, who calls an API by the callers. wrong has the entities that cannot
// stand beside each other.
func Translate(entities []*Entity) (_ *Translation, wrong []problem.Field) {
	t := &translator{drafts: map[object.Ref]*draft{}, declared: map[Ref]*Entity{}, strange: map[strange]int{}}
	entities = slices.SortedStableFunc(slices.Values(entities), func(a, b *Entity) int { return strings.Compare(a.String(), b.String()) })
	for _, e := range entities {
		t.declare(e)
	}
	for _, e := range entities {
		if d := t.drafts[e.object()]; d != nil && d.entity == e {
			t.relate(d)
		}
	}
	out := &Translation{Notes: t.notes}
	for _, s := range slices.SortedFunc(maps.Keys(t.strange), func(a, b strange) int { return strings.Compare(a.what+a.kind, b.what+b.kind) }) {
		out.Notes = append(out.Notes, Note{What: "kept", Text: fmt.Sprintf("%s of %s has no like here", s.what, many(t.strange[s], s.kind))})
	}
	for _, ref := range slices.SortedFunc(maps.Keys(t.drafts), compareRefs) {
		item, err := t.drafts[ref].item()
		if err != nil {
			t.wrong = append(t.wrong, problem.Field{Message: err.Error()})
			continue
		}
		out.Items = append(out.Items, item)
	}
	return out, t.wrong
}

func many(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// place writes where something stands.
func place(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }

// order is the order of the kinds in an apply: owners before what they own.
var order = []string{"Team", "User", "System", "Service", "API", "Entity"}

func compareRefs(a, b object.Ref) int {
	return cmp.Or(cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)), strings.Compare(a.Name, b.Name))
}

// draft is an object in the making.
type draft struct {
	ref    object.Ref
	meta   object.Metadata
	spec   any // a pointer to the kind's spec
	entity *Entity
	file   string
	line   int
}

func (d *draft) item() (*Item, error) {
	spec, err := json.Marshal(d.spec)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", d.ref, err)
	}
	return &Item{Entity: d.entity, File: d.file, Line: d.line, Object: object.Object{
		APIVersion: object.APIVersion, Kind: d.ref.Kind, Metadata: d.meta, Spec: spec,
	}}, nil
}

// strange is what entities of a kind say and has no like here.
type strange struct{ what, kind string }

type translator struct {
	drafts   map[object.Ref]*draft
	declared map[Ref]*Entity
	strange  map[strange]int // with how many say so
	notes    []Note
	wrong    []problem.Field
}

// note tells of an entity that is read; what was told when it was imported is
// not told again.
func (t *translator) note(what string, e *Entity, path, text string, args ...any) {
	if e.kept {
		return
	}
	t.notes = append(t.notes, Note{what, fmt.Sprintf(text, args...), place(e.File, e.LineOf(path))})
}

func (t *translator) refuse(e *Entity, path, text string, args ...any) {
	t.wrong = append(t.wrong, problem.Field{Path: path, Source: e.File, Line: e.LineOf(path), Message: fmt.Sprintf(text, args...)})
}

// declare makes the draft of an entity, with all that follows from it alone.
func (t *translator) declare(e *Entity) {
	ref := e.object()
	if other := t.declared[e.Ref]; other != nil {
		t.refuse(e, "metadata.name", "%s is declared twice, first in %s:%d", e.Ref, other.File, other.Line)
		return
	}
	t.declared[e.Ref] = e
	if other := t.drafts[ref]; other != nil {
		t.refuse(e, "metadata.name", "%s would be %s here, and so would %s of %s:%d: rename one of them", e.Ref, ref, other.entity.Ref, other.entity.File, other.entity.Line)
		return
	}
	d := &draft{ref: ref, entity: e, file: e.File, line: e.Line}
	t.drafts[ref] = d
	text, err := e.keep()
	if err != nil {
		t.refuse(e, "spec.definition", "%v", err)
		delete(t.drafts, ref)
		return
	}
	d.meta = object.Metadata{
		Name: ref.Name, Title: e.text("metadata", "title"), Description: e.text("metadata", "description"),
		Labels: e.pairs("metadata", "labels"), Annotations: e.pairs("metadata", "annotations"),
	}
	d.label(LabelFrom, format)
	d.annotate(AnnotationEntity, text)
	if e.Path != "" {
		d.annotate(AnnotationFile, e.Path)
	}
	if name := e.text("metadata", "name"); !strings.HasSuffix("-"+ref.Name, "-"+name) || e.Namespace != DefaultNamespace {
		t.note("renamed", e, "metadata.name", "%s is %s here", e.written(), ref)
	}
	switch ref.Kind {
	case "Team":
		d.profile()
		d.spec = &catalog.TeamSpec{Contact: e.text("spec", "profile", "email")}
	case "User":
		d.profile()
		d.spec = &catalog.UserSpec{Email: e.text("spec", "profile", "email")}
	case "System":
		d.spec = &catalog.SystemSpec{Domain: e.named(refDomain)}
	case "Service":
		d.spec = &catalog.ServiceSpec{
			Type: t.known("type", e, serviceTypes), Lifecycle: t.known("lifecycle", e, lifecycles),
			System: e.named(refSystem), Repository: e.repository(),
		}
	case "API":
		spec := &catalog.APISpec{Type: t.known("type", e, apiTypes), Lifecycle: t.known("lifecycle", e, lifecycles), System: e.named(refSystem)}
		spec.Definition, spec.DefinitionURL = e.contract()
		d.spec = spec
	default:
		d.spec = &catalog.EntitySpec{Format: format, Type: e.Kind}
	}
}

func (d *draft) label(key, value string) {
	if d.meta.Labels == nil {
		d.meta.Labels = map[string]string{}
	}
	d.meta.Labels[key] = value
}

func (d *draft) annotate(key, value string) {
	if d.meta.Annotations == nil {
		d.meta.Annotations = map[string]string{}
	}
	d.meta.Annotations[key] = value
}

// profile gives teams and people the name that they are shown by.
func (d *draft) profile() {
	if d.meta.Title == "" {
		d.meta.Title = d.entity.text("spec", "profile", "displayName")
	}
}

// The words of Backstage that have a like here; any other one is only kept.
var (
	serviceTypes = map[string]string{
		"service": "backend", "backend": "backend", "website": "frontend", "frontend": "frontend", "library": "library",
		"worker": "worker", "job": "job", "cronjob": "job", "batch": "job", "data": "data", "data-pipeline": "data",
	}
	lifecycles = map[string]string{
		catalog.LifecycleExperimental: catalog.LifecycleExperimental, catalog.LifecycleProduction: catalog.LifecycleProduction, catalog.LifecycleDeprecated: catalog.LifecycleDeprecated,
	}
	apiTypes = map[string]string{"openapi": "openapi", "asyncapi": "asyncapi", "graphql": "graphql", "grpc": "grpc"}
)

// unlike counts what has no like here.
func (t *translator) unlike(e *Entity, what string) {
	if !e.kept {
		t.strange[strange{what, e.Kind}]++
	}
}

// known translates the word of a field.
func (t *translator) known(name string, e *Entity, words map[string]string) string {
	word := e.text("spec", name)
	means, ok := words[strings.ToLower(word)]
	if !ok && word != "" {
		t.unlike(e, fmt.Sprintf("%s %q", name, word))
	}
	return means
}

// named gives the name of the system or domain that an entity belongs to, which
// need not be declared.
func (e *Entity) named(f reference) string {
	ref, ok := e.one(f)
	if !ok {
		return ""
	}
	if f == refDomain { // an Entity's name has its kind in front, which the field says already
		return strings.TrimPrefix(Ref{"domain", ref.Namespace, ref.Name}.object().Name, "domain-")
	}
	return Ref{f.kind, ref.Namespace, ref.Name}.object().Name
}

// The annotations that say where the source is, with what stands before the
// project's name in its address.
var hosts = []struct{ annotation, address string }{
	{"github.com/project-slug", "https://github.com/"}, {"gitlab.com/project-slug", "https://gitlab.com/"}, {"bitbucket.org/project-slug", "https://bitbucket.org/"},
}

const sourceLocation = "backstage.io/source-location"

// repository gives the address of a component's source, "" when it does not say.
func (e *Entity) repository() string { return repositoryOf(e.pairs("metadata", "annotations")) }

func repositoryOf(said map[string]string) string {
	for _, host := range hosts {
		if slug := strings.Trim(said[host.annotation], "/ "); slug != "" {
			return host.address + slug
		}
	}
	if address, ok := strings.CutPrefix(said[sourceLocation], "url:"); ok {
		return strings.TrimSuffix(strings.TrimSpace(address), "/")
	}
	return ""
}
