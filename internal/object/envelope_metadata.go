package object

import (
	"encoding/json"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// metadata appends metadata as JSON and checks its fields and their types
// here, where their lines are known.
func (r *reader) metadata(n *yaml.Node, line int) {
	if n = follow(n); !r.isMap(n, line) {
		r.value(n, line, 1)
		return
	}
	r.mapping(n, line, 1, func(key string, keyNode, value *yaml.Node) {
		r.value(value, keyNode.Line, 2)
		if value = follow(value); !isNull(value) {
			r.metadataField(key, keyNode.Line, value)
		}
	})
}

func (r *reader) metadataField(key string, line int, value *yaml.Node) {
	switch key {
	case "name", "title", "description", "owner", "uid":
		r.text(value)
	case "labels", "annotations":
		r.texts(value, line)
	case "finalizers":
		if value.Kind != yaml.SequenceNode {
			r.fail(line, "must be a list")
			return
		}
		for _, item := range value.Content {
			r.text(item)
		}
	case "version", "generation":
		_, digits := resolve(value)
		if _, err := strconv.ParseInt(digits, 10, 64); value.Kind != yaml.ScalarNode || err != nil {
			r.fail(line, "must be a whole number")
		}
	case "created", "updated", "deleted":
		if _, err := time.Parse(time.RFC3339, value.Value); err != nil {
			r.fail(line, "must be a time, such as 2026-11-22T08:00:00Z")
		}
	default:
		r.fail(line, "unknown field; %s", Suggest(key, metadataFields()))
	}
}

func metadataFields() []string {
	return []string{"name", "title", "description", "owner", "labels", "annotations", "finalizers",
		"uid", "version", "generation", "created", "updated", "deleted"}
}

// texts checks a map whose values are text.
func (r *reader) texts(n *yaml.Node, line int) {
	if !r.isMap(n, line) {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := follow(n.Content[i])
		if key.Value == "<<" {
			continue
		}
		r.path = append(r.path, key.Value)
		r.text(n.Content[i+1])
		r.path = r.path[:len(r.path)-1]
	}
}

// text gives the text of a node and refuses what is not text.
func (r *reader) text(n *yaml.Node) string {
	n = follow(n)
	var got any
	switch n.Kind {
	case yaml.MappingNode:
		got = map[string]any{}
	case yaml.SequenceNode:
		got = []any{}
	default:
		kind, s := resolve(n)
		switch kind {
		case text:
			return s
		case number:
			got = json.Number(s)
		case boolean:
			got = s == "true"
		case ambiguous, notJSON:
			return "" // told where the value is written
		case null:
		}
	}
	r.fail(n.Line, "%s", typeAdvice([]string{"string"}, got))
	return ""
}

func (r *reader) isMap(n *yaml.Node, line int) bool {
	if n = follow(n); n.Kind == yaml.MappingNode || isNull(n) {
		return n.Kind == yaml.MappingNode
	}
	r.fail(line, "must be a map of fields")
	return false
}

func isNull(n *yaml.Node) bool {
	kind, _ := resolve(n)
	return n.Kind == yaml.ScalarNode && kind == null
}
