package object

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// EncodeYAML writes an object as a person would: the envelope in its usual
// order, then in every map what names a thing, then plain values, then what is
// nested, each by the alphabet. The same object always gives the same text, and
// Decode reads it back as it was.
func EncodeYAML(o Object) ([]byte, error) {
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", o.Ref(), err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	node, err := yamlNode(d)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", o.Ref(), err)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if key := node.Content[i].Value; key != "metadata" { // metadata's struct has the right order
			sortKeys(node.Content[i+1])
		}
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(node); err != nil {
		return nil, fmt.Errorf("encode %s: %w", o.Ref(), err)
	}
	return out.Bytes(), e.Close()
}

// yamlNode reads one JSON value.
func yamlNode(d *json.Decoder) (*yaml.Node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		if v == '[' {
			node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
		}
		for d.More() {
			child, err := yamlNode(d)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		if len(node.Content) == 0 {
			node.Style = yaml.FlowStyle
		}
		_, err := d.Token()
		return node, err
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v, Style: stringStyle(v)}, nil
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(v)}, nil
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
	}
	return nil, io.ErrUnexpectedEOF
}

// stringStyle quotes what some version of YAML would not read as this text,
// and writes several lines as a block where that keeps every character.
func stringStyle(s string) yaml.Style {
	if strings.Contains(s, "\n") {
		if blockSafe(s) {
			return yaml.LiteralStyle
		}
		return yaml.DoubleQuotedStyle
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "<<", "=":
		return yaml.DoubleQuotedStyle
	}
	if s == "" {
		return yaml.DoubleQuotedStyle
	}
	if kind, _ := resolvePlain(s); kind != text {
		return yaml.DoubleQuotedStyle
	}
	digits := strings.Trim(s, "0123456789+-_:.xXabcdefABCDEFTZ ")
	if digits == "" && strings.ContainsAny(s, "0123456789") { // numbers, dates and times of YAML 1.1
		return yaml.DoubleQuotedStyle
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return yaml.DoubleQuotedStyle
		}
	}
	return 0
}

func blockSafe(s string) bool {
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		if line == "" || strings.HasSuffix(line, " ") {
			return false
		}
		for _, r := range line {
			if !unicode.IsPrint(r) {
				return false
			}
		}
	}
	return s[0] != ' '
}

// sortKeys orders the keys of every map below n.
func sortKeys(n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		pairs := slices.Collect(slices.Chunk(n.Content, 2))
		slices.SortFunc(pairs, func(a, b []*yaml.Node) int {
			return cmp.Or(
				cmp.Compare(keyRank(a[0].Value), keyRank(b[0].Value)),
				cmp.Compare(nesting(a[1]), nesting(b[1])),
				strings.Compare(a[0].Value, b[0].Value))
		})
		n.Content = slices.Concat(pairs...)
	}
	for _, child := range n.Content {
		sortKeys(child)
	}
}

// keyRank puts first what says which thing it is.
func keyRank(key string) int {
	if i := slices.Index([]string{"name", "title", "description", "type", "kind", "team", "service", "environment"}, key); i >= 0 {
		return i
	}
	return 100
}

func nesting(n *yaml.Node) int {
	if n.Kind == yaml.ScalarNode {
		return 0
	}
	return 1
}
