package backstage

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// field gives the value at a path of keys; nil when there is none or it is null.
func field(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		if n = lookup(n, key, nil); n == nil {
			return nil
		}
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	return n
}

// lookup finds the value of a key. seen are the maps that were looked into: they
// may be merged in many places, and form a circle.
func lookup(n *yaml.Node, key string, seen map[*yaml.Node]bool) *yaml.Node {
	if n = follow(n); n.Kind != yaml.MappingNode || seen[n] {
		return nil
	}
	var merged *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch name := follow(n.Content[i]); {
		case name.Value == key && name.Kind == yaml.ScalarNode:
			return follow(n.Content[i+1])
		case name.Tag == "!!merge":
			merged = follow(n.Content[i+1])
		}
	}
	if merged == nil {
		return nil
	}
	if seen == nil {
		seen = map[*yaml.Node]bool{}
	}
	seen[n] = true
	maps := []*yaml.Node{merged}
	if merged.Kind == yaml.SequenceNode {
		maps = merged.Content
	}
	for _, m := range maps {
		if found := lookup(m, key, seen); found != nil {
			return found
		}
	}
	return nil
}

// follow gives the node that an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// text gives the text at a path, "" when there is none.
func (e *Entity) text(path ...string) string {
	if at := field(e.root, path...); at != nil && at.Kind == yaml.ScalarNode {
		return strings.TrimSpace(at.Value)
	}
	return ""
}

// pairs gives the map of texts at a path.
func (e *Entity) pairs(path ...string) map[string]string {
	at := field(e.root, path...)
	if at == nil || at.Kind != yaml.MappingNode {
		return nil
	}
	pairs := map[string]string{}
	for i := 0; i+1 < len(at.Content); i += 2 {
		key, value := follow(at.Content[i]), follow(at.Content[i+1])
		if value.Kind == yaml.ScalarNode && value.Tag != "!!null" && key.Tag != "!!merge" {
			pairs[key.Value] = value.Value
		}
	}
	return pairs
}

// texts gives the list of texts at a path; a single text is a list of one.
func (e *Entity) texts(path ...string) []string {
	at := field(e.root, path...)
	if at == nil {
		return nil
	}
	nodes := []*yaml.Node{at}
	if at.Kind == yaml.SequenceNode {
		nodes = at.Content
	}
	var texts []string
	for _, n := range nodes {
		if n = follow(n); n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
			texts = append(texts, n.Value)
		}
	}
	return texts
}

// LineOf gives the line of the field at a dotted path, such as "spec.owner", or
// of the nearest field around it that is there.
func (e *Entity) LineOf(path string) int {
	n, line := e.root, e.Line
	for key := range strings.SplitSeq(path, ".") {
		if n = follow(n); n.Kind != yaml.MappingNode {
			return line
		}
		i := 0
		for i+1 < len(n.Content) && follow(n.Content[i]).Value != key {
			i += 2
		}
		if i+1 >= len(n.Content) {
			return line
		}
		line, n = e.lineOf(n.Content[i]), n.Content[i+1]
	}
	return line
}

func (e *Entity) lineOf(n *yaml.Node) int { return max(n.Line, 1) + e.before }
