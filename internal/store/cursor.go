package store

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store/words"
)

// position is where a page ended: at a name, at a uid (newest first) or after
// so many hits of a search.
type position struct {
	Kind string `json:"k,omitempty"`
	Name string `json:"n,omitempty"`
	UID  int64  `json:"u,omitempty"`
	Hits int    `json:"h,omitempty"`
}

const cursorSumSize = 12

// cursorSum binds a cursor to the query that it continues, so that it fits no
// other. It is no secret: a position says nothing that its holder may not ask.
func cursorSum(q object.Query, body []byte) []byte {
	q.After, q.Limit = "", 0
	of, err := json.Marshal(q) // maps are encoded in order
	if err != nil {
		of = nil // cannot happen: a query is strings and numbers
	}
	h := sha256.New()
	h.Write(of)
	h.Write([]byte{0})
	h.Write(body)
	return h.Sum(nil)[:cursorSumSize]
}

func sealCursor(q object.Query, at position) string {
	body, err := json.Marshal(at)
	if err != nil {
		return "" // cannot happen: strings and numbers
	}
	return base64.RawURLEncoding.EncodeToString(append(cursorSum(q, body), body...))
}

// cursorAfter is the cursor of the page that follows the document.
func cursorAfter(q object.Query, d object.Document) string {
	if q.Newest {
		return sealCursor(q, position{UID: d.UID})
	}
	return sealCursor(q, position{Kind: d.Kind, Name: d.Name})
}

// openCursor reads q.After, or returns problem.Invalid when it was not made for q.
func openCursor(q object.Query) (position, error) {
	invalid := problem.New(problem.Invalid, "the cursor does not belong to this list").
		Do("list from the start, with no cursor")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(q.After)
	if err != nil || len(raw) < cursorSumSize || strings.ContainsAny(q.After, "\r\n") { // the decoder skips those two
		return position{}, invalid
	}
	body := raw[cursorSumSize:]
	if subtle.ConstantTimeCompare(raw[:cursorSumSize], cursorSum(q, body)) != 1 {
		return position{}, invalid
	}
	var at position
	if err := json.Unmarshal(body, &at); err != nil || at.Hits < 0 || !words.Storable(at.Kind) || !words.Storable(at.Name) {
		return position{}, invalid
	}
	return at, nil
}
