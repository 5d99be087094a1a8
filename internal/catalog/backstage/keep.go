package backstage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
)

// whole gives the text of a document as it can stand before another one: with
// the end of its last line, unless that changes what it holds.
func whole(doc object.Foreign) string {
	text := string(doc.Text)
	if strings.HasSuffix(text, "\n") {
		return text
	}
	is, errIs := Values(text + "\n")
	was, errWas := values(doc.Root)
	if errIs == nil && errWas == nil && !reflect.DeepEqual(is, was) {
		if written, err := encode(doc.Root); err == nil {
			return written
		}
	}
	return text + "\n"
}

// keep gives the text of an entity that is kept: as it was written, except for
// the definition of an API, which can be long and has a place of its own.
func (e *Entity) keep() (string, error) {
	at, _ := definition(e)
	if at == nil || at.Kind != yaml.ScalarNode || at.Tag != "!!str" || at.Value == "" {
		return e.Text, nil
	}
	if len(at.Value) > catalog.MaxDefinition {
		return "", fmt.Errorf("has %d KiB, the limit is %d: put it into a file beside this one and write {$text: ./FILE}", (len(at.Value)+1023)>>10, catalog.MaxDefinition>>10)
	}
	spec := follow(field(e.root, "spec"))
	for i := 0; i+1 < len(spec.Content); i += 2 {
		if spec.Content[i].Value != "definition" {
			continue
		}
		whole := spec.Content
		spec.Content = append(append([]*yaml.Node{}, whole[:i]...), whole[i+2:]...)
		defer func() { spec.Content = whole }()
		return encode(e.root)
	}
	return e.Text, nil // it is merged from elsewhere in the document
}

// contract gives an API's definition, as text or as the address of it.
func (e *Entity) contract() (text, address string) {
	switch at, elsewhere := definition(e); {
	case at == nil:
	case at.Kind == yaml.ScalarNode:
		text = at.Value
	case strings.HasPrefix(elsewhere, "https://"), strings.HasPrefix(elsewhere, "http://"):
		address = elsewhere
	default:
		text = e.Definition
	}
	return text, address
}

// Kept gives the entity that an object was imported from; ok is false when it
// was not, or when what was kept of it is no longer that object's entity.
func Kept(o object.Object) (e *Entity, ok bool) {
	text := o.Metadata.Annotations[AnnotationEntity]
	if text == "" {
		return nil, false
	}
	path := o.Metadata.Annotations[AnnotationFile]
	entities, _, wrong := Parse(path, []byte(text))
	if len(wrong) > 0 || len(entities) != 1 || entities[0].object() != o.Ref() {
		return nil, false
	}
	e = entities[0]
	e.Path, e.kept = path, true
	if at, _ := definition(e); at == nil && e.Ref.Kind == "api" {
		var spec catalog.APISpec
		if json.Unmarshal(o.Spec, &spec) == nil && spec.Definition != "" {
			set(e.root, spec.Definition, "spec", "definition")
			if e.Text, _ = encode(e.root); e.Text == "" {
				return nil, false
			}
		}
	}
	return e, true
}

// set puts a text at a path of keys, whatever was there.
func set(root *yaml.Node, text string, path ...string) {
	put(root, nodeOf(text), path...)
}

// put puts a value at a path of keys, making the maps on the way.
func put(n, value *yaml.Node, path ...string) {
	for depth, key := range path {
		last := depth == len(path)-1
		i := 0
		for i+1 < len(n.Content) && follow(n.Content[i]).Value != key {
			i += 2
		}
		if i+1 >= len(n.Content) {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, nil)
		}
		if next := n.Content[i+1]; !last {
			if next == nil || follow(next).Kind != yaml.MappingNode {
				n.Content[i+1] = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
			}
			n = follow(n.Content[i+1])
			continue
		}
		n.Content[i+1] = value
	}
}

// values gives what a document holds as JSON would: a date is text, and so is
// every key.
func values(root *yaml.Node) (any, error) {
	undate(root)
	var all any
	if err := root.Decode(&all); err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	return textKeys(all), nil
}

func undate(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, child := range n.Content {
		undate(child)
	}
}

func textKeys(v any) any {
	switch v := v.(type) {
	case map[any]any:
		m := make(map[string]any, len(v))
		for key, value := range v {
			m[fmt.Sprint(key)] = textKeys(value)
		}
		return m
	case map[string]any:
		for key := range v {
			v[key] = textKeys(v[key])
		}
	case []any:
		for i := range v {
			v[i] = textKeys(v[i])
		}
	}
	return v
}

// Values gives what a text of one document holds, as JSON would.
func Values(text string) (any, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	return values(&doc)
}

// nodeOf makes the nodes of plain values. The library's own way is by text, and
// some texts it cannot read again.
func nodeOf(v any) *yaml.Node {
	switch v := v.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, nodeOf(key), nodeOf(v[key]))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, item := range v {
			n.Content = append(n.Content, nodeOf(item))
		}
		return n
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v}
	}
	n := &yaml.Node{}
	if n.Encode(v) != nil { // a number, a truth, or nothing: each has a text
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!null", "null"
	}
	return n
}

// encode writes a document.
func encode(root *yaml.Node) (string, error) {
	style(root)
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(root); err != nil {
		return "", fmt.Errorf("cannot be written: %w", err)
	}
	if err := e.Close(); err != nil {
		return "", fmt.Errorf("cannot be written: %w", err)
	}
	return out.String(), nil
}

// style sees to what the library does not: texts of several lines are written as
// blocks where that keeps every character, and in quotes where it does not.
func style(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Value == "" {
		n.Value = "null" // nothing at all would be written as an empty text
	}
	if n.Kind == yaml.ScalarNode && strings.ContainsFunc(n.Value, func(r rune) bool { return !unicode.IsPrint(r) }) {
		n.Style = n.Style&yaml.TaggedStyle | yaml.DoubleQuotedStyle
		if blockSafe(n.Value) {
			n.Style = n.Style&yaml.TaggedStyle | yaml.LiteralStyle
		}
	} else if n.Style&yaml.FoldedStyle != 0 {
		n.Style = n.Style & yaml.TaggedStyle
	}
	for _, child := range n.Content {
		style(child)
	}
}

func blockSafe(text string) bool {
	if text[0] == ' ' || text[0] == '\n' || strings.HasSuffix(text, "\n\n") || !strings.Contains(text, "\n") {
		return false
	}
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasSuffix(line, " ") || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return false
		}
	}
	return true
}
