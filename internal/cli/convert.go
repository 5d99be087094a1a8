package cli

import "encoding/json"

// convert turns what client has into what a room has of the same, or the other
// way round, for what the command line does by itself with the room's code.
// Both have the same JSON: a test of package api holds them to it.
func convert[To any](from any) To {
	var to To
	raw, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(raw, &to)
	}
	if err != nil {
		var none To
		return none // cannot happen: it is plain data
	}
	return to
}
