package object

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/stoa-platform/stoa/internal/problem"
)

const (
	maxDepth  = 100     // of nested values
	maxVisits = 200_000 // of nodes of one object, each use of an alias counted
)

// reader turns the nodes of one object into JSON and notes the line of each
// value. It goes on after a wrong field, so that all of them are told at once.
type reader struct {
	buf    []byte
	lines  []int32
	before int // lines of the input before the chunk
	path   []string
	fields []problem.Field
	visits int
	over   bool // a limit was met: stop
}

// readEnvelope reads one object; before is the number of lines above its chunk.
func readEnvelope(node *yaml.Node, before int) outcome {
	r := &reader{before: before}
	node = follow(node)
	if node.Kind != yaml.MappingNode {
		return outcome{fields: []problem.Field{{Line: node.Line + before, Message: "is not an object: it must have apiVersion, kind, metadata and spec"}}}
	}
	p := Parsed{}
	var metadata, spec, status span
	r.mapping(node, node.Line, 0, func(key string, keyNode, value *yaml.Node) {
		start := len(r.buf)
		if key == "metadata" {
			r.metadata(value, keyNode.Line)
		} else {
			r.value(value, keyNode.Line, 1)
		}
		at := span{start, len(r.buf)}
		switch key {
		case "apiVersion":
			p.APIVersion = r.text(value)
		case "kind":
			p.Kind = r.text(value)
		case "metadata":
			metadata = at
		case "spec":
			spec = at
			r.isMap(value, keyNode.Line)
		case "status":
			status = at
			r.isMap(value, keyNode.Line)
		default:
			r.fail(keyNode.Line, "unknown field; %s", Suggest(key, envelopeFields()))
		}
	})
	if len(r.buf) > MaxDocument {
		r.path = nil
		r.fail(node.Line, "the object has more than %d KiB", MaxDocument>>10)
	}
	if len(r.fields) > 0 {
		return outcome{fields: r.fields}
	}
	p.raw, p.lines = slices.Clip(r.buf), r.lines
	p.Spec, p.Status = spec.of(p.raw), status.of(p.raw)
	if raw := metadata.of(p.raw); raw != nil {
		if err := json.Unmarshal(raw, &p.Metadata); err != nil {
			return outcome{fields: []problem.Field{{Path: "metadata", Line: p.Line("metadata"), Message: err.Error()}}}
		}
	}
	return outcome{parsed: p}
}

func envelopeFields() []string { return []string{"apiVersion", "kind", "metadata", "spec", "status"} }

// span is a part of the buffer; the zero span is no part.
type span struct{ from, to int }

func (s span) of(buf []byte) json.RawMessage {
	if s.from == s.to || string(buf[s.from:s.to]) == "null" {
		return nil
	}
	return json.RawMessage(buf[s.from:s.to:s.to])
}

func (r *reader) fail(line int, format string, args ...any) {
	r.fields = append(r.fields, problem.Field{Path: joinPath(r.path), Line: line + r.before, Message: fmt.Sprintf(format, args...)})
}

// stop ends the reading of the object at a limit.
func (r *reader) stop(line int, format string, args ...any) {
	if !r.over {
		r.over = true
		r.fail(line, format, args...)
	}
}

// value appends a node as JSON; line is that of its key or its own.
func (r *reader) value(n *yaml.Node, line, depth int) {
	if r.over {
		return
	}
	r.visits++
	switch {
	case depth > maxDepth:
		r.stop(line, "is nested more than %d deep", maxDepth)
		return
	case r.visits > maxVisits:
		r.stop(line, "has more than %d values once its aliases are expanded", maxVisits)
		return
	case len(r.buf) > MaxDocument:
		return // told by readEnvelope
	}
	if n = follow(n); n.Style&yaml.TaggedStyle != 0 && !knownTag(n.Tag) {
		r.fail(line, "has the tag %s, which means nothing here", n.Tag)
	}
	switch n.Kind {
	case yaml.MappingNode:
		r.mapping(n, line, depth, func(_ string, key, value *yaml.Node) { r.value(value, key.Line, depth+1) })
	case yaml.SequenceNode:
		r.lines = append(r.lines, int32(line+r.before))
		r.buf = append(r.buf, '[')
		for i, item := range n.Content {
			if i > 0 {
				r.buf = append(r.buf, ',')
			}
			r.path = append(r.path, strconv.Itoa(i))
			r.value(item, item.Line, depth+1)
			r.path = r.path[:len(r.path)-1]
		}
		r.buf = append(r.buf, ']')
	default:
		r.scalar(n, line)
	}
}

func (r *reader) scalar(n *yaml.Node, line int) {
	r.lines = append(r.lines, int32(line+r.before))
	kind, s := resolve(n)
	switch kind {
	case text:
		r.buf = appendString(r.buf, s)
	case ambiguous:
		r.fail(line, "%s is read as different numbers by different tools: write a plain decimal number, or \"%s\" in quotes for text", n.Value, n.Value)
	case notJSON:
		r.fail(line, "%s is not a number that can be stored", n.Value)
	default:
		r.buf = append(r.buf, s...)
	}
}

// mapping appends a map as JSON, calling each for every key so that the caller
// writes the value. It refuses keys that come twice and merges "<<".
func (r *reader) mapping(n *yaml.Node, line, depth int, each func(key string, keyNode, value *yaml.Node)) {
	r.lines = append(r.lines, int32(line+r.before))
	r.buf = append(r.buf, '{')
	seen := make(map[string]int, len(n.Content)/2)
	write := func(key string, keyNode, value *yaml.Node) {
		if len(seen) > 0 {
			r.buf = append(r.buf, ',')
		}
		seen[key] = keyNode.Line
		r.buf = append(appendString(r.buf, key), ':')
		r.path = append(r.path, key)
		each(key, keyNode, value)
		r.path = r.path[:len(r.path)-1]
	}
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content) && !r.over; i += 2 {
		key, value := follow(n.Content[i]), n.Content[i+1]
		first, twice := seen[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.fail(key.Line, "has a key that is not text")
		case key.Value == "<<" && key.Style == 0:
			merges = append(merges, value)
		case twice:
			r.path = append(r.path, key.Value)
			r.fail(key.Line, "is given twice, first in line %d", first+r.before)
			r.path = r.path[:len(r.path)-1]
		default:
			write(key.Value, n.Content[i], value)
		}
	}
	for _, merge := range merges {
		r.merge(merge, depth, func(key string, keyNode, value *yaml.Node) {
			if _, given := seen[key]; !given {
				write(key, keyNode, value)
			}
		})
	}
	r.buf = append(r.buf, '}')
}

// merge calls add for each pair of what "<<" names: a map, or a list of maps.
func (r *reader) merge(n *yaml.Node, depth int, add func(key string, keyNode, value *yaml.Node)) {
	n = follow(n)
	if r.visits++; r.visits > maxVisits || depth > maxDepth {
		r.stop(n.Line, "has more than %d values once its aliases are expanded", maxVisits)
	}
	if r.over {
		return
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			r.merge(item, depth+1, add)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := follow(n.Content[i])
			if key.Value == "<<" && key.Style == 0 {
				r.merge(n.Content[i+1], depth+1, add)
				continue
			}
			if key.Kind != yaml.ScalarNode {
				r.fail(n.Line, "has a key that is not text")
				continue
			}
			add(key.Value, key, n.Content[i+1])
		}
	default:
		r.fail(n.Line, "<< must name a map of fields")
	}
}

// follow gives the node that an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func knownTag(tag string) bool {
	switch tag {
	case "!!str", "!!map", "!!seq", "!!int", "!!float", "!!bool", "!!null", "!":
		return true
	}
	return false
}
