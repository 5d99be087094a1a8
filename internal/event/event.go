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
	// one is bound to the principal that first posted it, or to the platform team.
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

	// Names are the principals that Data names beside the actor (pseudonyms in
	// the ledger): when one of them is erased, so is Data.
	Names []string `json:"names,omitempty"`
	// Inferred names the fields that Stoa filled in, such as "team"; they are no
	// part of what the sender said, and so not of what makes two events the same.
	Inferred []string `json:"inferred,omitempty"`
	// Extensions are the sender's other CloudEvents attributes, in their string form.
	Extensions map[string]string `json:"extensions,omitempty"`

	// DataContentType is "" for application/json. For a type that is not JSON at
	// all, Data is a JSON string that holds the bytes in base64.
	DataContentType string `json:"datacontenttype,omitempty"`
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

	// IDs are the ledger's numbers for the names above, for projectors' tables.
	IDs Dimensions `json:"-"`
}

// Dimensions are the numbers that the ledger gives, once and for ever, to the
// names that events carry. 0 stands for no name.
type Dimensions struct {
	Type, Source, Actor, Team, Service, Capability, Environment int64
}

// DimKind says of what a name in table dim is the name: rows there are (id,
// kind, name). The numbers are stored.
type DimKind int

// The kinds of names, in the order of the columns of table events.
const (
	DimType DimKind = iota
	DimSource
	DimActor
	DimTeam
	DimService
	DimCapability
	DimEnvironment
)

// Outcome says what became of one event that was appended.
type Outcome struct {
	// Seq is the event's sequence. For a duplicate it is that of the event that
	// was there before; for a conflict that of the record of the conflict.
	Seq    int64  `json:"seq"`
	Status Status `json:"status"`
}

// Status is how an append ended for one event.
type Status string

// The statuses of an Outcome.
const (
	Accepted  Status = "accepted"
	Duplicate Status = "duplicate" // the same event, or another's word on the same fact, is in the ledger already: nothing was added
	Conflict  Status = "conflict"  // other bytes under a known id: TypeConflict was recorded instead
)

// Stoa's own event types that this package and the ledger append.
const (
	TypeConflict       = "dev.stoa.event.conflict"  // other bytes came under a known source and id
	TypeUsage          = "dev.stoa.usage.recorded"  // an actor used a capability, counted by the minute
	TypeUsageLost      = "dev.stoa.usage.lost"      // usage that could not be recorded, and how much
	TypeAccessRefused  = "dev.stoa.access.refused"  // an actor may not do what they wanted, counted by the minute
	TypePayloadErased  = "dev.stoa.payload.erased"  // payloads were erased
	TypePersonErased   = "dev.stoa.person.erased"   // a pseudonym lost its name
	TypeSourceBound    = "dev.stoa.source.bound"    // a source now belongs to a principal
	TypeSourceReleased = "dev.stoa.source.released" // a source belongs to nobody again
	LedgerSource       = "/stoa/ledger"             // the source of what the ledger itself says
)

// PersonPrefix begins the subject of Stoa's own events that are about a person: a
// pseudonym follows, since an envelope cannot be erased. Principals of people,
// as which such a subject comes and is asked for, begin with UserPrefix.
const (
	PersonPrefix = "person/"
	UserPrefix   = "user/"
)

// PageBytes bounds the payloads of a page of records: the record that reaches it is
// its last.
const PageBytes = 16 << 20

// Full reports whether a page that was asked for with a limit may be followed by
// another one: it has as many records, or ends since its payloads are large.
func Full(page []Record, limit int) bool {
	size := 0
	for i := range page {
		size += len(page[i].Data)
	}
	return len(page) > 0 && (len(page) >= limit || size >= PageBytes)
}

// Filter selects records. The zero value of a field selects all.
type Filter struct {
	Types       []string // exact, or a prefix that ends in "."
	Source      string
	Subject     string // has no index: on a large ledger give Service, Team or Types too; of a person the principal
	Actor       string // principal or pseudonym
	Team        string
	Service     string
	Capability  string
	Environment string
	From, To    time.Time // half-open, by Time
	AfterSeq    int64     // keyset: records with a greater sequence (ascending) …
	BeforeSeq   int64     // … or a lesser one (Newest)
	Seqs        []int64   // these alone, at most 1000
	Newest      bool      // newest first
	Limit       int       // 1..1000, default 100
}
