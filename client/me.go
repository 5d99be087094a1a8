package client

import (
	"context"
	"net/http"
	"time"
)

// Deed is how often the ledger has a principal as the one who did something.
type Deed struct {
	Type  string    `json:"type"`
	N     int64     `json:"n"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// Kept is all that a platform keeps about the caller.
type Kept struct {
	Principal Principal `json:"principal"`
	Pseudonym string    `json:"pseudonym"`
	Tokens    int       `json:"tokens"`
	Deeds     []Deed    `json:"deeds"`
	// Named are the events whose payloads name the caller.
	Named []struct {
		Seq  int64  `json:"seq"`
		Type string `json:"type"`
	} `json:"named"`
	Latest []Event `json:"latest"`
	Erase  string  `json:"erase"`
}

// Me tells what is kept about the caller.
func (c *Client) Me(ctx context.Context) (Kept, error) {
	var out Kept
	err := c.do(ctx, http.MethodGet, "/api/v1/me", nil, nil, &out)
	return out, err
}
