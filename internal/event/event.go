// Package event holds what happened on a platform: CloudEvents in an
// append-only ledger that proves itself.
//
// A fact is appended in the same transaction as the change it tells of. The
// Sealer then extends a Merkle tree over the ledger and signs checkpoints;
// projectors read the ledger in order and keep the summaries that measures
// read. Audit, usage analytics and delivery metrics are readings of this one
// ledger.
package event

import (
	"encoding/json"
	"time"
)

// Event is one CloudEvent (specversion 1.0) with the dimensions that every
// event of Stoa carries where they are known.
type Event struct {
	// ID is unique within Source. Empty: the ledger gives a time-ordered one.
	ID string `json:"id"`
	// Source is a URI reference. Those below "/stoa" are Stoa's own; every other
	// one is bound to the principal that first posted it.
	Source string `json:"source"`
	// Type is a CDEvents type where one exists, else "dev.stoa.<noun>.<verb>".
	Type string `json:"type"`
	// Subject is what it is about, such as "service/shop".
	Subject string    `json:"subject,omitempty"`
	Time    time.Time `json:"time"`

	// Actor is the principal's name on the way in ("user/ann"); in the ledger it
	// is a pseudonym.
	Actor       string `json:"actor,omitempty"`
	Team        string `json:"team,omitempty"`
	Service     string `json:"service,omitempty"`
	Capability  string `json:"capability,omitempty"`
	Environment string `json:"environment,omitempty"`

	// Data is the payload, JSON. It can be erased while the proofs still hold.
	Data json.RawMessage `json:"data,omitempty"`
}

// Record is an event as it lies in the ledger.
type Record struct {
	Seq      int64     `json:"seq"`
	Received time.Time `json:"received"`
	Poster   string    `json:"poster"` // the authenticated principal that appended it, pseudonymous
	Event
	// Erased says that Data was removed at someone's wish or by retention.
	Erased bool `json:"erased,omitempty"`
}

// Filter selects records. The zero value of a field selects all.
type Filter struct {
	Types       []string // exact, or a prefix that ends in "."
	Source      string
	Subject     string
	Actor       string // principal or pseudonym
	Team        string
	Service     string
	Capability  string
	Environment string
	From, To    time.Time // half-open, by Time
	AfterSeq    int64     // keyset: records with a greater sequence (ascending) …
	BeforeSeq   int64     // … or a lesser one (Newest)
	Newest      bool      // newest first
	Limit       int       // 1..1000, default 100
}
