package object

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// Line gives the 1-based line of the field at path, such as
// "spec.ports[0].name", or of the nearest field around it that was given; 0
// when the object was not read from a file.
//
// Lines are looked up only for messages, so they are kept as one number for
// each value, in the order of the text, and found by walking that text again.
func (p Parsed) Line(path string) int {
	if len(p.lines) == 0 {
		return 0
	}
	w := walker{d: json.NewDecoder(bytes.NewReader(p.raw)), lines: p.lines, found: p.lines[0]}
	w.d.UseNumber()
	w.value(splitPath(path), true)
	return int(w.found)
}

type walker struct {
	d     *json.Decoder
	lines []int32
	next  int // index of the next value's line
	found int32
}

// value reads one value. While onPath, it lies on the way to the field and
// rest are the parts of the path below it.
func (w *walker) value(rest []string, onPath bool) {
	token, err := w.d.Token()
	if err != nil || w.next >= len(w.lines) {
		return
	}
	if onPath {
		w.found = w.lines[w.next]
	}
	w.next++
	delim, nested := token.(json.Delim)
	if !nested {
		return
	}
	for i := 0; w.d.More(); i++ {
		key := strconv.Itoa(i)
		if delim == '{' {
			token, err := w.d.Token()
			if err != nil {
				return
			}
			key, _ = token.(string)
		}
		if onPath && len(rest) > 0 && rest[0] == key {
			w.value(rest[1:], true)
		} else {
			w.value(nil, false)
		}
	}
	_, _ = w.d.Token() // the closing bracket
}

// pathAt gives the path of the value that ends at or encloses the offset.
func pathAt(raw []byte, offset int64) []string {
	d := json.NewDecoder(bytes.NewReader(raw))
	var found []string
	var walk func(path []string) bool // true once found
	walk = func(path []string) bool {
		token, err := d.Token()
		if err != nil {
			return true
		}
		found = path
		delim, nested := token.(json.Delim)
		for i := 0; nested && d.More(); i++ {
			key := strconv.Itoa(i)
			if delim == '{' {
				if token, err = d.Token(); err != nil {
					return true
				}
				key, _ = token.(string)
			}
			if walk(append(slices.Clip(path), key)) {
				return true
			}
		}
		if nested {
			_, _ = d.Token()
			found = path
		}
		return d.InputOffset() >= offset
	}
	walk(nil)
	return found
}

// zeroAt tells whether there is a value at path and it is its type's zero value.
func zeroAt(raw json.RawMessage, path []string) bool {
	for _, part := range path {
		var fields map[string]json.RawMessage
		var entries []json.RawMessage
		if json.Unmarshal(raw, &fields) == nil {
			raw = fields[part]
		} else if i, err := strconv.Atoi(part); err == nil && json.Unmarshal(raw, &entries) == nil && i < len(entries) {
			raw = entries[i]
		} else {
			return false
		}
	}
	switch string(raw) {
	case `""`, "0", "false", "null", "[]", "{}":
		return true
	}
	return false
}
