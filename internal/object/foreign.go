package object

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Foreign is one YAML document of another tool: Stoa reads some of it and keeps
// the rest as it is.
type Foreign struct {
	Text []byte     // as it was written, without the marker before it
	Root *yaml.Node // what it holds; never an alias
	// Before is the number of lines of the file above those that Root counts.
	Before int
}

// ReadForeign cuts a text into documents and parses each, within the limits of
// Decode. What is wrong with one does not hide the others: wrong has a field for
// every document that could not be read, with its line and without its source.
// Documents that hold nothing are left out.
func ReadForeign(data []byte) (docs []Foreign, wrong []problem.Field) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	chunks := split(data)
	if len(chunks) > MaxDocuments {
		return nil, []problem.Field{{Line: 1, Message: fmt.Sprintf("has %d documents, the limit is %d", len(chunks), MaxDocuments)}}
	}
	for _, c := range chunks {
		nodes, bad := c.parse(c.yaml)
		if bad != nil {
			wrong = append(wrong, *bad)
			continue
		}
		for _, node := range nodes {
			docs = append(docs, Foreign{Text: c.unmarked(), Root: follow(node), Before: c.before})
		}
	}
	return docs, wrong
}

// unmarked gives the chunk's text without a marker in its first line, unless
// something follows the marker there.
func (c chunk) unmarked() []byte {
	first, rest, _ := bytes.Cut(c.text, []byte("\n"))
	if isMarker(first, "---") {
		if after := bytes.TrimSpace(first[3:]); len(after) == 0 || after[0] == '#' {
			return rest
		}
		return bytes.TrimLeft(c.text[3:], " \t")
	}
	return c.text
}
