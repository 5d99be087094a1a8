package backstage

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
)

// world is all objects of a platform, or all that a catalog declares: what is
// to be said of one depends on others.
type world struct {
	refs       map[object.Ref]Ref // by which entity an object is known
	elsewhere  map[object.Ref]*Entity
	teams      map[string][]string // of a user
	provides   map[string][]Ref    // APIs, by service
	consumes   map[string][]Ref
	production map[string]bool // environments
}

// newWorld takes in objects; kept are the entities that some of them were
// imported from.
func newWorld(objects []object.Object, kept map[object.Ref]*Entity) *world {
	w := &world{
		refs: map[object.Ref]Ref{}, elsewhere: kept, teams: map[string][]string{},
		provides: map[string][]Ref{}, consumes: map[string][]Ref{}, production: map[string]bool{},
	}
	for _, o := range objects {
		if e := kept[o.Ref()]; e != nil {
			w.refs[o.Ref()] = e.Ref
			continue
		}
		for kind, becomes := range kinds {
			if becomes == o.Kind {
				w.refs[o.Ref()] = Ref{kind, DefaultNamespace, o.Metadata.Name}
			}
		}
	}
	for _, o := range objects {
		switch o.Kind {
		case "Team":
			w.addTeam(o)
		case "API":
			w.addAPI(o)
		case "Environment":
			var env catalog.Environment
			if env.From(o) == nil && env.Spec.Production {
				w.production[o.Metadata.Name] = true
			}
		}
	}
	return w
}

func (w *world) addTeam(o object.Object) {
	var team catalog.Team
	if team.From(o) != nil {
		return
	}
	for _, name := range membersOf(team) {
		w.teams[name] = append(w.teams[name], o.Metadata.Name)
	}
	// A team that an import has made for one person is that person elsewhere.
	person, ok := strings.CutPrefix(o.Metadata.Name, "user-")
	if ok && w.elsewhere[o.Ref()] == nil && o.Metadata.Annotations[AnnotationInferred] != "" && slices.Equal(membersOf(team), []string{person}) {
		w.refs[o.Ref()] = w.refs[object.Ref{Kind: "User", Name: person}]
	}
}

func (w *world) addAPI(o object.Object) {
	var api catalog.API
	if api.From(o) != nil {
		return
	}
	at := w.refs[o.Ref()]
	if api.Spec.Provider != "" {
		w.provides[api.Spec.Provider] = append(w.provides[api.Spec.Provider], at)
	}
	for _, name := range api.Spec.Consumers {
		w.consumes[name] = append(w.consumes[name], at)
	}
}

func membersOf(t catalog.Team) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(t.Spec.Owners, t.Spec.Members))))
}

// ref gives the entity that an object is known by; ok is false for what is no
// entity of its own.
func (w *world) ref(o object.Ref) (Ref, bool) {
	ref, ok := w.refs[o]
	return ref, ok && ref.object().Kind == o.Kind
}

// people and groups give the entities of users and teams.
func (w *world) people(names []string) []Ref {
	refs := make([]Ref, 0, len(names))
	for _, name := range names {
		if ref, ok := w.refs[object.Ref{Kind: "User", Name: name}]; ok {
			refs = append(refs, ref)
		}
	}
	return refs
}

func (w *world) groups(names []string) []Ref {
	refs := make([]Ref, 0, len(names))
	for _, name := range names {
		if ref, ok := w.refs[object.Ref{Kind: "Team", Name: name}]; ok && ref.Kind == "group" {
			refs = append(refs, ref)
		}
	}
	return refs
}

// statements gives what is to be said of an object, in the order in which a
// person would write it.
func (w *world) statements(o object.Object) []statement {
	e := w.elsewhere[o.Ref()]
	title := []string{"metadata", "title"}
	if (o.Kind == "Team" || o.Kind == "User") && (e == nil || e.text(title...) == "") {
		title = []string{"spec", "profile", "displayName"}
	}
	s := sayings{w: w}
	s.say(o.Metadata.Title, title...)
	s.say(o.Metadata.Description, "metadata", "description")
	for _, key := range slices.Sorted(maps.Keys(o.Metadata.Labels)) {
		if !ours(key) {
			s.say(o.Metadata.Labels[key], "metadata", "labels", key)
		}
	}
	annotations := maps.Clone(o.Metadata.Annotations)
	var service catalog.Service
	if o.Kind == "Service" && service.From(o) == nil {
		annotations = located(annotations, service.Spec.Repository)
	}
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if !ours(key) {
			s.say(annotations[key], "metadata", "annotations", key)
		}
	}
	s.spec(o, e, service)
	return s.all
}

// ours tells whether a label or annotation is Stoa's own affair.
func ours(key string) bool { return strings.HasPrefix(key, "stoa.dev/") }

// located says where the source is, unless the annotations do so already. A folder
// of somebody's machine is no place that others could look at.
func located(annotations map[string]string, repository string) map[string]string {
	if at, err := url.Parse(repository); err != nil || at.Host == "" || repository == repositoryOf(annotations) {
		return annotations
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	for _, host := range hosts {
		delete(annotations, host.annotation)
		if slug, ok := strings.CutPrefix(repository, host.address); ok && strings.Count(slug, "/") == 1 {
			annotations[host.annotation] = strings.TrimSuffix(slug, ".git")
		}
	}
	annotations[sourceLocation] = "url:" + repository
	return annotations
}

// sayings gathers statements.
type sayings struct {
	w   *world
	all []statement
}

func (s *sayings) say(text string, path ...string) {
	if text != "" {
		s.all = append(s.all, statement{path: path, text: text})
	}
}

func (s *sayings) name(f reference, many bool, refs ...Ref) {
	if many || len(refs) > 0 {
		slices.SortFunc(refs, func(a, b Ref) int { return strings.Compare(a.String(), b.String()) })
		s.all = append(s.all, statement{path: []string{"spec", f.name}, refs: refs, kind: f.kind, many: many})
	}
}

// owner names the team, or the person whom it stands for.
func (s *sayings) owner(o object.Object, e *Entity, source string) {
	if e != nil && source != "" {
		if _, said := e.one(refOwner); !said {
			return // an inference is not the catalog's word
		}
	}
	if ref, ok := s.w.refs[object.Ref{Kind: "Team", Name: o.Metadata.Owner}]; ok {
		s.name(refOwner, false, ref)
	}
}

// member names a system or domain, by its entity where there is one.
func (s *sayings) member(f reference, name string) {
	if name == "" {
		return
	}
	at := object.Ref{Kind: "System", Name: name}
	if f == refDomain {
		at = object.Ref{Kind: "Entity", Name: "domain-" + name}
	}
	ref, ok := s.w.refs[at]
	if !ok {
		ref = Ref{f.kind, DefaultNamespace, name}
	}
	s.name(f, false, ref)
}

func (s *sayings) spec(o object.Object, e *Entity, service catalog.Service) {
	var (
		team   catalog.Team
		user   catalog.User
		system catalog.System
		api    catalog.API
	)
	switch {
	case o.Kind == "Team" && team.From(o) == nil:
		if strings.Contains(team.Spec.Contact, "@") {
			s.say(team.Spec.Contact, "spec", "profile", "email")
		}
		if parent := o.Metadata.Labels[LabelParent]; parent != "" {
			s.name(refParent, false, s.w.groups([]string{parent})...)
		}
		s.name(refMembers, true, s.w.people(membersOf(team))...)
	case o.Kind == "User" && user.From(o) == nil:
		s.say(user.Spec.Email, "spec", "profile", "email")
		s.name(refMemberOf, true, s.w.groups(s.w.teams[o.Metadata.Name])...)
	case o.Kind == "System" && system.From(o) == nil:
		s.owner(o, e, system.Spec.OwnerSource)
		s.member(refDomain, system.Spec.Domain)
	case o.Kind == "Service":
		s.say(backwards(service.Spec.Type), "spec", "type")
		s.say(service.Spec.Lifecycle, "spec", "lifecycle")
		s.owner(o, e, service.Spec.OwnerSource)
		s.member(refSystem, service.Spec.System)
		s.lists(refProvides, s.w.provides[o.Metadata.Name])
		s.lists(refConsumes, s.w.consumes[o.Metadata.Name])
	case o.Kind == "API" && api.From(o) == nil:
		s.say(api.Spec.Type, "spec", "type")
		s.say(api.Spec.Lifecycle, "spec", "lifecycle")
		s.owner(o, e, api.Spec.OwnerSource)
		s.member(refSystem, api.Spec.System)
		if e != nil {
			if at, elsewhere := definition(e); at != nil && elsewhere != "" {
				return // what defines it lies in a file of its own
			}
		}
		s.say(api.Spec.Definition, "spec", "definition")
		s.say(api.Spec.DefinitionURL, "spec", "definition", "$text")
	case o.Kind == "Entity" && e != nil && e.native(refOwner) && o.Metadata.Owner != "":
		s.owner(o, e, "")
	}
}

// lists names many, or nothing at all.
func (s *sayings) lists(f reference, refs []Ref) {
	if len(refs) > 0 {
		s.name(f, true, slices.Clone(refs)...)
	}
}

// backwards gives Backstage's word for a type of services.
func backwards(kind string) string {
	switch kind {
	case "backend":
		return "service"
	case "frontend":
		return "website"
	}
	return kind
}

// lifecycle gives that of a service which has not said it, by where it runs.
func (w *world) lifecycle(o object.Object) string {
	var s catalog.Service
	if s.From(o) != nil {
		return catalog.LifecycleExperimental
	}
	for env, deployed := range s.Status.Environments {
		if w.production[env] && deployed.State == catalog.StateRunning {
			return catalog.LifecycleProduction
		}
	}
	return catalog.LifecycleExperimental
}
