package client

import (
	"context"
	"net/http"
	"time"
)

// Deed is how often the ledger has a principal as the one who did something.
type Deed struct {
	Type  string    `json:"type"` // of event
	N     int64     `json:"n"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// Kept is all that a platform keeps about the caller.
type Kept struct {
	Principal Principal `json:"principal"`
	// Pseudonym is the name in history and ledger; "" as long as nothing was done.
	Pseudonym string `json:"pseudonym"`
	Tokens    int    `json:"tokens"` // how many
	Deeds     []Deed `json:"deeds"`  // most often first
	// Named are the events whose payloads name the caller.
	Named []NamedIn `json:"named"`
	// Latest are the newest events that the caller did, at most 20.
	Latest []Event `json:"latest"`
	Erase  string  `json:"erase"` // how to be erased, in words
}

// NamedIn is an event whose payload names a person, and so goes with them.
type NamedIn struct {
	Seq  int64  `json:"seq"`
	Type string `json:"type"`
}

// Me tells what is kept about the caller.
func (c *Client) Me(ctx context.Context) (Kept, error) {
	var out Kept
	err := c.do(ctx, http.MethodGet, "/api/v1/me", nil, nil, &out)
	return out, err
}
