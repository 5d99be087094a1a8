package cli

import (
	"encoding/json"

	"github.com/stoa-platform/stoa/client"
)

// change is one changed field, in the names of the JSON that commands print.
type change struct {
	Path string          `json:"path"`
	Old  json.RawMessage `json:"old,omitempty"`
	New  json.RawMessage `json:"new,omitempty"`
}

func changesOf(given []client.Change) []change {
	changes := make([]change, len(given))
	for i, ch := range given {
		for _, side := range []*json.RawMessage{&ch.Old, &ch.New} {
			if string(*side) == "null" { // what is not there, as the API writes it
				*side = nil
			}
		}
		changes[i] = change(ch)
	}
	return changes
}
