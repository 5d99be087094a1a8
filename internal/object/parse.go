package object

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stoa-platform/stoa/internal/problem"
)

// maxEntries bounds the memory that parsing one chunk may take, by its lines
// and commas: about 400 bytes each.
const maxEntries = 500_000

// decode reads one chunk: a YAML document, a list, or any number of JSON values.
func (c chunk) decode() (outcomes []outcome) {
	nodes, wrong := c.parse(c.nodes)
	if wrong != nil {
		return []outcome{{fields: []problem.Field{*wrong}}}
	}
	for _, node := range nodes {
		for _, item := range items(node) {
			outcomes = append(outcomes, readEnvelope(item, c.before))
		}
	}
	return outcomes
}

// parse calls read for the chunk's nodes if it is within the limits, and tells
// what is wrong otherwise.
func (c chunk) parse(read func() ([]*yaml.Node, error)) (nodes []*yaml.Node, wrong *problem.Field) {
	if len(c.text) > MaxList {
		return nil, refuse(c.before+1, "the document has %d bytes, the limit is %d; separate objects by lines of ---", len(c.text), MaxList)
	}
	if n := bytes.Count(c.text, []byte(",")) + bytes.Count(c.text, []byte("\n")); n > maxEntries {
		return nil, refuse(c.before+1, "the document has %d entries, the limit is %d; separate objects by lines of ---", n, maxEntries)
	}
	// A defect of the YAML library must not end the process that reads a file.
	defer func() {
		if r := recover(); r != nil {
			nodes, wrong = nil, refuse(c.before+1, "the document cannot be parsed: %v", r)
		}
	}()
	nodes, err := read()
	if err != nil {
		line, message := c.syntax(err)
		return nil, refuse(line, "%s", message)
	}
	return nodes, nil
}

func refuse(line int, format string, args ...any) *problem.Field {
	return &problem.Field{Line: line, Message: fmt.Sprintf(format, args...)}
}

// nodes parses the chunk. What begins like JSON is read as JSON, whose strings
// YAML reads differently; flow-style YAML that is not JSON is still read.
func (c chunk) nodes() ([]*yaml.Node, error) {
	text := bytes.TrimSpace(bytes.TrimPrefix(c.text, []byte("---")))
	if len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		nodes, jsonErr := c.json()
		if jsonErr == nil {
			return nodes, nil
		}
		nodes, err := c.yaml()
		if err != nil && bytes.HasPrefix(bytes.TrimSpace(text[1:]), []byte(`"`)) {
			return nil, jsonErr
		}
		return nodes, err
	}
	return c.yaml()
}

func (c chunk) yaml() ([]*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(c.text))
	var node, rest yaml.Node
	if err := d.Decode(&node); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := d.Decode(&rest); err == nil {
		return nil, &syntaxError{line: rest.Line, message: "something follows the end of the document; separate documents by a line of ---"}
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(node.Content) == 0 {
		return nil, nil
	}
	return node.Content[:1], nil
}

// syntaxError is wrong syntax at a line of the chunk, counted from 1.
type syntaxError struct {
	line    int
	message string
}

// Error gives the message with its line.
func (e *syntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.message) }

// syntax turns a parser's error into a line of the input and words that help.
func (c chunk) syntax(err error) (line int, message string) {
	var own *syntaxError
	if errors.As(err, &own) {
		return c.before + own.line, own.message
	}
	if at := c.tabIndent(); at > 0 {
		return c.before + at, "is indented with a tab; YAML takes spaces only"
	}
	line, text := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
		if yamlParser.MatchString(text) {
			// It counts from 0, unlike the scanner, and may mean the end.
			line = min(line+1, bytes.Count(bytes.TrimSpace(c.text), []byte("\n"))+1)
		}
	}
	for _, known := range []struct{ says, means string }{
		{"mapping values are not allowed", "a second ':' on the line; put the value in quotes"},
		{"did not find expected key", "the indentation does not fit the lines around it"},
		{"did not find expected '-' indicator", "the indentation does not fit the list around it"},
		{"could not find expected ':'", "the line is neither \"key: value\" nor part of the text above it"},
		{"found unexpected end of stream", "a quote or bracket is not closed"},
		{"found character that cannot start any token", "a value may not begin with @, ` or a tab; put it in quotes"},
		{"did not find expected ',' or", "a bracket is not closed, or a comma is missing"},
		{"did not find expected <document start>", "something follows the end of the document; separate documents by a line of ---"},
		{"found unknown escape character", `an unknown escape; use single quotes or write \\`},
	} {
		if strings.Contains(text, known.says) {
			text = known.means
			break
		}
	}
	return c.before + min(line, bytes.Count(c.text, []byte("\n"))+1), "is not YAML: " + text
}

// yamlParser matches what the library's parser tells; all else is its scanner's.
var yamlParser = regexp.MustCompile(`^did not find expected (<|key|node content|'-' indicator|',' or)`)

var yamlLine = regexp.MustCompile(`^line (\d+): (.*)$`)

// tabIndent finds the first line, counted from 1, that is indented with a tab.
func (c chunk) tabIndent() int {
	at := 0
	for line := range bytes.Lines(c.text) {
		at++
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if bytes.IndexByte(indent, '\t') >= 0 && len(bytes.TrimSpace(line)) > 0 {
			return at
		}
	}
	return 0
}

// json parses the chunk's JSON values into the same nodes that YAML gives.
func (c chunk) json() ([]*yaml.Node, error) {
	text := c.text
	if isMarker(text, "---") {
		text = append([]byte("   "), text[3:]...)
	}
	p := jsonParser{text: text, line: 1, d: json.NewDecoder(bytes.NewReader(text))}
	p.d.UseNumber()
	var nodes []*yaml.Node
	for {
		token, err := p.d.Token()
		if errors.Is(err, io.EOF) {
			return nodes, nil
		}
		if err != nil {
			return nil, p.fail(err)
		}
		node, err := p.value(token, 0)
		if err != nil {
			return nil, p.fail(err)
		}
		if nodes = append(nodes, node); len(nodes) > MaxDocuments {
			return nodes, nil // counted and refused by Decode
		}
	}
}

type jsonParser struct {
	text   []byte
	d      *json.Decoder
	offset int // up to where lines are counted
	line   int
}

// here gives the line of the token that was just read.
func (p *jsonParser) here() int {
	now := int(p.d.InputOffset())
	p.line += bytes.Count(p.text[p.offset:now], []byte("\n"))
	p.offset = now
	return p.line
}

func (p *jsonParser) fail(err error) error {
	line := p.here()
	var wrong *json.SyntaxError
	if errors.As(err, &wrong) {
		line = 1 + bytes.Count(p.text[:min(int(wrong.Offset), len(p.text))], []byte("\n"))
	}
	message := err.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		message = "the end is missing"
	}
	return &syntaxError{line: line, message: "is not JSON: " + message}
}

func (p *jsonParser) value(token json.Token, depth int) (*yaml.Node, error) {
	node := &yaml.Node{Kind: yaml.ScalarNode, Line: p.here()}
	switch v := token.(type) {
	case string:
		node.Style, node.Value = yaml.DoubleQuotedStyle, v
	case json.Number:
		node.Value = v.String()
	case bool:
		node.Value = strconv.FormatBool(v)
	case nil:
		node.Value = "null"
	case json.Delim:
		if depth > maxDepth {
			return nil, fmt.Errorf("nested more than %d deep", maxDepth)
		}
		node.Kind = yaml.MappingNode
		if v == '[' {
			node.Kind = yaml.SequenceNode
		}
		for p.d.More() {
			token, err := p.d.Token()
			if err != nil {
				return nil, err
			}
			child, err := p.value(token, depth+1)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		_, err := p.d.Token()
		return node, err
	}
	return node, nil
}

// items gives the objects of a list, or the node itself when it is no list.
func items(node *yaml.Node) []*yaml.Node {
	if node.Kind == yaml.SequenceNode {
		return node.Content
	}
	var list *yaml.Node
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i].Value, node.Content[i+1]
		switch {
		case key == "items" && value.Kind == yaml.SequenceNode:
			list = value
		case key == "kind" && !strings.HasSuffix(value.Value, "List"), key == "spec":
			return []*yaml.Node{node}
		}
	}
	if list == nil {
		return []*yaml.Node{node}
	}
	return list.Content
}
