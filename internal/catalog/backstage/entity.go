// Package backstage is the bridge to the software catalog of Backstage: it reads
// catalog-info.yaml, translates its entities to objects of Stoa and back, and
// keeps of an entity what has no place here, so that an export gives back what
// an import took.
//
// An import is a merge of three: what the catalog said when it was imported
// last, what it says now, and what the platform holds. What only one side has
// changed is kept; where both have, the catalog wins.
package backstage

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Entity is one document of a catalog.
type Entity struct {
	Ref
	// Kind is the kind as it was written, such as "Component".
	Kind string
	// File is where it stands, in the words of who named the tree, and Line its
	// first line there.
	File string
	Line int
	// Path is the file as it is kept: below the name of the tree's folder.
	Path string
	// Text is the document as it was written.
	Text string
	// Team is who owns it by CODEOWNERS, and TeamSource the line that says so;
	// looked for only when the entity itself names no owner.
	Team, TeamSource string
	// Definition is the text of an API's definition that lies in a file of its own.
	Definition string

	root   *yaml.Node
	before int
	kept   bool // it is of an earlier import
}

// written names the entity in the letters of its author.
func (e *Entity) written() string {
	return e.Ref.Kind + ":" + e.Namespace + "/" + e.text("metadata", "name")
}

// The formats of the kinds that Backstage defines. Kinds of other groups are an
// organisation's own.
const (
	group         = "backstage.io/"
	templateGroup = "scaffolder.backstage.io/"
)

var versions = map[string][]string{
	"backstage.io/v1alpha1":           {"component", "system", "api", "group", "user", "resource", "domain", "location", "template"},
	"backstage.io/v1beta1":            {"component", "system", "api", "group", "user", "resource", "domain", "location", "template"},
	"backstage.io/v1beta2":            {"template"},
	"scaffolder.backstage.io/v1beta3": {"template"},
}

var (
	entityName    = regexp.MustCompile(`^[A-Za-z0-9]+([-_.]+[A-Za-z0-9]+)*$`)
	namespaceName = regexp.MustCompile(`^[A-Za-z0-9]+(-+[A-Za-z0-9]+)*$`)
	extensionKind = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)
)

// Parse reads the entities of a file. file is what they are told by. All that is
// wrong is told by line; what is right is still returned. skeletons has the lines
// of documents that are no entities but patterns of some, in which a template
// fills in the names.
func Parse(file string, data []byte) (entities []*Entity, skeletons []int, wrong []problem.Field) {
	docs, wrong := object.ReadForeign(data)
	if len(wrong) > 0 && placeholder(string(data)) {
		return nil, []int{1}, nil
	}
	for i := range wrong {
		wrong[i].Source = file
	}
	for _, doc := range docs {
		e := &Entity{File: file, Text: whole(doc), root: doc.Root, before: doc.Before}
		e.Line = e.lineOf(doc.Root)
		if e.skeleton() {
			skeletons = append(skeletons, e.Line)
			continue
		}
		if bad := e.check(); len(bad) > 0 {
			wrong = append(wrong, bad...)
			continue
		}
		entities = append(entities, e)
	}
	return entities, skeletons, wrong
}

// placeholder tells whether a text has marks of a template language.
func placeholder(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "{%")
}

// skeleton tells whether what names the entity is still to be filled in. A
// Template has such marks in its steps, which name nothing.
func (e *Entity) skeleton() bool {
	for _, path := range [][]string{{"kind"}, {"metadata", "name"}, {"metadata", "namespace"}, {"spec", "owner"}, {"spec", "system"}} {
		if at := field(e.root, path...); at != nil && (at.Kind != yaml.ScalarNode || placeholder(at.Value)) && placeholder(flat(at)) {
			return true
		}
	}
	return false
}

// flat joins the texts of a node; ${{ x }} without quotes is a map to YAML.
func flat(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode {
		return "{{"
	}
	return n.Value
}

// check fills in the entity's name and tells what is wrong with its envelope.
func (e *Entity) check() []problem.Field {
	if e.root.Kind != yaml.MappingNode {
		return []problem.Field{{Source: e.File, Line: e.Line, Message: "is not an entity: it must have apiVersion, kind, metadata and spec"}}
	}
	var wrong []problem.Field
	say := func(path, format string, args ...any) {
		wrong = append(wrong, problem.Field{Path: path, Source: e.File, Line: e.LineOf(path), Message: fmt.Sprintf(format, args...)})
	}
	version := e.text("apiVersion")
	e.Kind = e.text("kind")
	kind := strings.ToLower(e.Kind)
	known, ours := versions[version], strings.HasPrefix(version, group) || strings.HasPrefix(version, templateGroup)
	switch {
	case version == "":
		say("apiVersion", "is missing: write backstage.io/v1alpha1")
	case !strings.Contains(version, "/"), ours && known == nil:
		say("apiVersion", "there is no version %q: write backstage.io/v1alpha1", version)
	}
	switch {
	case e.Kind == "":
		say("kind", "is missing: write Component, System, API, Group, User, Resource, Domain, Location or Template")
	case known != nil && !slices.Contains(known, kind):
		say("kind", "there is no kind %q in %s", e.Kind, version)
	case len(kind) > object.MaxName || !extensionKind.MatchString(kind):
		say("kind", "%q is not a kind: letters and digits, at most %d", e.Kind, object.MaxName)
	}
	name, namespace := e.text("metadata", "name"), e.text("metadata", "namespace")
	switch {
	case name == "":
		say("metadata.name", "is missing")
	case len(name) > object.MaxName || !entityName.MatchString(name):
		say("metadata.name", "%q is not a name: letters and digits with '-', '_' or '.' between them, at most %d", name, object.MaxName)
	}
	if namespace == "" {
		namespace = DefaultNamespace
	}
	if len(namespace) > object.MaxName || !namespaceName.MatchString(namespace) {
		say("metadata.namespace", "%q is not a namespace: letters and digits with '-' between them, at most %d", namespace, object.MaxName)
	}
	e.Ref = Ref{kind, strings.ToLower(namespace), strings.ToLower(name)}
	for _, f := range references {
		if _, bad := e.refs(f); bad != "" {
			say("spec."+f.name, "%s", bad)
		}
	}
	return wrong
}

// reference is a field of spec that names other entities.
type reference struct{ name, kind string }

var (
	refOwner    = reference{"owner", "group"}
	refSystem   = reference{"system", "system"}
	refDomain   = reference{"domain", "domain"}
	refParent   = reference{"parent", "group"}
	refChildren = reference{"children", "group"}
	refMembers  = reference{"members", "user"}
	refMemberOf = reference{"memberOf", "group"}
	refProvides = reference{"providesApis", "api"}
	refConsumes = reference{"consumesApis", "api"}

	references = []reference{refOwner, refSystem, refDomain, refParent, refChildren, refMembers, refMemberOf, refProvides, refConsumes}
)

// native tells whether a field means to this kind what it means to Backstage: a
// kind of an organisation's own may mean anything by it.
func (e *Entity) native(f reference) bool {
	switch e.Ref.Kind {
	case "component", "api":
		return f == refOwner || f == refSystem || e.Ref.Kind == "component" && (f == refProvides || f == refConsumes)
	case "system":
		return f == refOwner || f == refDomain
	case "resource", "domain", "template":
		return f == refOwner
	case "group":
		return f == refParent || f == refChildren || f == refMembers
	case "user":
		return f == refMemberOf
	}
	return false
}

// refs gives what a field names, and what is wrong with it.
func (e *Entity) refs(f reference) (refs []Ref, wrong string) {
	at := field(e.root, "spec", f.name)
	if at == nil || !e.native(f) {
		return nil, ""
	}
	nodes := []*yaml.Node{at}
	if at.Kind == yaml.SequenceNode {
		nodes = at.Content
	}
	for _, n := range nodes {
		if n = follow(n); n.Tag == "!!null" {
			continue
		}
		ref, err := e.ref(n, f.kind)
		if err != nil {
			return nil, err.Error()
		}
		refs = append(refs, ref)
	}
	return refs, ""
}

// ref reads a reference, which is text or a map of its parts.
func (e *Entity) ref(n *yaml.Node, kind string) (Ref, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return ParseRef(n.Value, kind, e.Namespace)
	case yaml.MappingNode:
		namespace := e.Namespace
		for part, into := range map[string]*string{"kind": &kind, "namespace": &namespace} {
			if at := field(n, part); at != nil && at.Kind == yaml.ScalarNode && at.Value != "" {
				*into = at.Value
			}
		}
		if name := field(n, "name"); name != nil && name.Kind == yaml.ScalarNode {
			r := Ref{strings.ToLower(kind), strings.ToLower(namespace), strings.ToLower(name.Value)}
			if object.SlugName(r.Name) != "" {
				return r, nil
			}
		}
	}
	return Ref{}, fmt.Errorf("is not the name of an entity: write name, namespace/name or kind:namespace/name")
}

// one gives the single entity that a field names; ok is false for none.
func (e *Entity) one(f reference) (Ref, bool) {
	refs, _ := e.refs(f)
	if len(refs) == 0 {
		return Ref{}, false
	}
	return refs[0], true
}
