package backstage

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
)

// Document is an entity as it is exported.
type Document struct {
	Ref  Ref
	Text string // YAML, without a marker before it
	// File is where it belongs below the folder of the export.
	File string
}

// Kinds are the plurals of the kinds that entities become.
func Kinds() []string { return []string{"teams", "users", "systems", "services", "apis", "entities"} }

// Export gives the entities of a platform: what was imported as it was written,
// with what has changed since, and what is Stoa's own. Environments among the
// objects tell what is in production. Things that are only named by others, and
// were so when they were imported, are left to them. lost are objects of which
// nothing can be said, since what was kept of them was taken away.
func Export(platform []object.Object) (docs []Document, lost []object.Ref, err error) {
	was, _ := Translate(keptOf(platform)) // what was imported could stand beside each other
	then, kept := map[object.Ref]*Item{}, map[object.Ref]*Entity{}
	var declared []object.Object
	for _, item := range was.Items {
		then[item.Object.Ref()] = item
		declared = append(declared, item.Object)
		if item.Entity != nil {
			kept[item.Object.Ref()] = item.Entity
		}
	}
	before, now := newWorld(declared, kept), newWorld(platform, kept)
	sorted := slices.SortedStableFunc(slices.Values(platform), func(a, b object.Object) int { return compareRefs(a.Ref(), b.Ref()) })
	for _, o := range sorted {
		if !slices.Contains(order, o.Kind) {
			continue
		}
		item := then[o.Ref()]
		says := now.statements(o)
		if item != nil && item.Entity == nil && equal(says, before.statements(item.Object)) {
			continue
		}
		var doc Document
		switch ref, own := now.ref(o.Ref()); {
		case item != nil && item.Entity != nil:
			e := item.Entity
			doc = Document{Ref: e.Ref, File: home(e.Path, o.Ref())}
			doc.Text, err = e.changed(before.statements(item.Object), says)
		case own:
			doc = Document{Ref: ref, File: home("", o.Ref())}
			doc.Text, err = now.fresh(o, ref)
		case o.Kind == "Entity":
			lost = append(lost, o.Ref())
			continue
		default:
			continue // a team that stands for one person, whom others name
		}
		if err != nil {
			return nil, nil, fmt.Errorf("export %s: %w", o.Ref(), err)
		}
		docs = append(docs, doc)
	}
	return docs, lost, nil
}

// home gives the file of an entity: the one it came from, unless that leads out
// of the folder of the export.
func home(kept string, ref object.Ref) string {
	if kept != "" && filepath.IsLocal(filepath.FromSlash(kept)) && strings.HasPrefix(path.Ext(kept), ".y") {
		return path.Clean(kept)
	}
	return path.Join(strings.ToLower(ref.Kind)+"s", ref.Name, "catalog-info.yaml")
}

// statement is what Stoa says of one field of an entity.
type statement struct {
	path []string
	text string
	// refs are what a field names; kind is the kind that it usually does, and
	// many says that it is a list.
	refs []Ref
	kind string
	many bool
}

func (s statement) key() string { return strings.Join(s.path, "\x00") }

func equal(a, b []statement) bool {
	return slices.EqualFunc(a, b, func(a, b statement) bool {
		return a.key() == b.key() && a.text == b.text && slices.Equal(a.refs, b.refs)
	})
}

// changed gives the entity's text with what is said differently now.
func (e *Entity) changed(said, says []statement) (string, error) {
	before, after := byKey(said), byKey(says)
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	touched := false
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		was, is := before[key], after[key]
		if was.text == is.text && slices.Equal(was.refs, is.refs) {
			continue
		}
		if !touched {
			if err := e.own(); err != nil {
				return "", err
			}
		}
		touched = true
		at := keys[key].path
		switch {
		case keys[key].many:
			e.relist(at, keys[key].kind, was.refs, is.refs)
		case len(is.refs) > 0:
			set(e.root, is.refs[0].from(e.Namespace, is.kind), at...)
		case is.text != "":
			set(e.root, is.text, at...)
		default:
			remove(e.root, at...)
		}
	}
	if !touched {
		return e.Text, nil
	}
	return encode(e.root)
}

// own writes out what the document says once and uses in many places: a change
// to one of them shall not be one to all.
func (e *Entity) own() error {
	if !strings.Contains(e.Text, "*") || !aliased(e.root) {
		return nil
	}
	all, err := values(e.root)
	if err != nil {
		return err
	}
	e.root = nodeOf(all)
	return nil
}

func aliased(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || slices.ContainsFunc(n.Content, aliased)
}

func byKey(all []statement) map[string]statement {
	m := make(map[string]statement, len(all))
	for _, s := range all {
		m[s.key()] = s
	}
	return m
}

// relist takes out of a list of references what is no longer in it, however it
// is written there, and adds what is new.
func (e *Entity) relist(at []string, kind string, was, is []Ref) {
	var items []*yaml.Node
	list := field(e.root, at...)
	if list != nil {
		items = []*yaml.Node{list}
		if list.Kind == yaml.SequenceNode {
			items = list.Content
		}
	}
	there := map[Ref]bool{}
	items = slices.DeleteFunc(slices.Clone(items), func(n *yaml.Node) bool {
		ref, err := e.ref(follow(n), kind)
		gone := err == nil && slices.Contains(was, ref) && !slices.Contains(is, ref)
		there[ref] = there[ref] || err == nil && !gone
		return gone
	})
	for _, ref := range is {
		if !slices.Contains(was, ref) && !there[ref] {
			items = append(items, nodeOf(ref.from(e.Namespace, kind)))
		}
	}
	put(e.root, &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: items, Style: flowOf(items)}, at...)
}

func flowOf(items []*yaml.Node) yaml.Style {
	if len(items) == 0 {
		return yaml.FlowStyle
	}
	return 0
}

// fresh makes the entity of an object that no catalog has declared.
func (w *world) fresh(o object.Object, ref Ref) (string, error) {
	kind, needs := freshKinds[o.Kind], map[string]string{}
	root := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	set(root, "backstage.io/v1alpha1", "apiVersion")
	set(root, kind, "kind")
	set(root, ref.Name, "metadata", "name")
	switch o.Kind {
	case "Team":
		needs = map[string]string{"type": "team"}
	case "Service":
		needs = map[string]string{"type": "service", "lifecycle": w.lifecycle(o)}
	case "API":
		needs = map[string]string{"type": "openapi", "lifecycle": catalog.LifecycleExperimental}
	}
	for _, key := range slices.Sorted(maps.Keys(needs)) {
		set(root, needs[key], "spec", key)
	}
	for _, s := range w.statements(o) {
		switch {
		case s.many:
			(&Entity{root: root, Ref: ref}).relist(s.path, s.kind, nil, s.refs)
		case len(s.refs) > 0:
			set(root, s.refs[0].from(ref.Namespace, s.kind), s.path...)
		case s.text != "":
			set(root, s.text, s.path...)
		}
	}
	if o.Kind == "Team" {
		put(root, &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}, "spec", "children") // must be there
	}
	if o.Kind == "API" && field(root, "spec", "definition") == nil {
		set(root, "not declared", "spec", "definition") // must not be empty
	}
	return encode(root)
}

var freshKinds = map[string]string{"Team": "Group", "User": "User", "System": "System", "Service": "Component", "API": "API"}

// remove takes away the value at a path of keys.
func remove(n *yaml.Node, path ...string) {
	for depth, key := range path {
		if n = follow(n); n.Kind != yaml.MappingNode {
			return
		}
		i := 0
		for i+1 < len(n.Content) && follow(n.Content[i]).Value != key {
			i += 2
		}
		switch {
		case i+1 >= len(n.Content):
			return
		case depth == len(path)-1:
			n.Content = slices.Delete(n.Content, i, i+2)
		default:
			n = n.Content[i+1]
		}
	}
}
