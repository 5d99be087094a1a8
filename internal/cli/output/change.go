package output

import (
	"encoding/json"

	"github.com/stoa-platform/stoa/client"
)

// Change is one changed field, in the names of the JSON that commands print.
type Change struct {
	Path string          `json:"path"`
	Old  json.RawMessage `json:"old,omitempty"`
	New  json.RawMessage `json:"new,omitempty"`
}

// Changes gives changes as commands print them.
func Changes(given []client.Change) []Change {
	changes := make([]Change, len(given))
	for i, ch := range given {
		for _, side := range []*json.RawMessage{&ch.Old, &ch.New} {
			if string(*side) == "null" { // what is not there, as the API writes it
				*side = nil
			}
		}
		changes[i] = Change(ch)
	}
	return changes
}
