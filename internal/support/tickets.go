// Package support knows what people need help with: tickets, and requests for
// what is not there yet. It keeps the summary of the ledger that tells it.
package support

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stoa-platform/stoa/internal/event"
)

// Kinds of tickets, as CDEvents' ticketType is read.
const (
	Question = "question" // how to do something
	Bug      = "bug"      // something is broken
	Access   = "access"   // somebody needs to be let in
	Feature  = "feature"  // something is wished for
	Other    = "other"
)

// kindOf reads the words that trackers use.
func kindOf(ticketType string) string {
	switch strings.ToLower(strings.TrimSpace(ticketType)) {
	case "":
		return ""
	case "question", "how-to", "howto", "support", "help":
		return Question
	case "bug", "fault", "defect", "incident", "problem":
		return Bug
	case "access", "permission", "access-request":
		return Access
	case "feature", "feature-request", "enhancement", "request", "story", "improvement":
		return Feature
	}
	return Other
}

// Tickets keeps the table tickets: one row for each id of a source. What opened
// it says whose it is, and the first word on it, by time, of what kind it is; of
// several at once, the first in the alphabet. The actor of one that a machine told
// of is 0. A ticket that was opened twice was opened the first time, one that was
// closed twice was closed the last time.
type Tickets struct{}

// Name is the projection's name.
func (Tickets) Name() string { return "tickets" }

// Version grows when the rows that follow from the same events change.
func (Tickets) Version() int { return 4 }

// Reset empties the table.
func (Tickets) Reset(ctx context.Context, tx event.SQL) error {
	return tx.Empty(ctx, "tickets")
}

const upsertTicket = `INSERT INTO tickets (source, id, seq, closes, team, service, capability, actor, kind, said, opened, closed)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
	ON CONFLICT (source, id) DO UPDATE SET
		seq    = CASE WHEN excluded.opened IS NOT NULL AND (tickets.opened IS NULL OR excluded.opened < tickets.opened) THEN excluded.seq ELSE tickets.seq END,
		team   = CASE WHEN excluded.opened IS NOT NULL AND (tickets.opened IS NULL OR excluded.opened < tickets.opened) THEN excluded.team ELSE tickets.team END,
		service = CASE WHEN excluded.opened IS NOT NULL AND (tickets.opened IS NULL OR excluded.opened < tickets.opened) THEN excluded.service ELSE tickets.service END,
		capability = CASE WHEN excluded.opened IS NOT NULL AND (tickets.opened IS NULL OR excluded.opened < tickets.opened) THEN excluded.capability ELSE tickets.capability END,
		actor  = CASE WHEN excluded.opened IS NOT NULL AND (tickets.opened IS NULL OR excluded.opened < tickets.opened) THEN excluded.actor ELSE tickets.actor END,
		kind   = CASE WHEN excluded.said < tickets.said OR tickets.said IS NULL OR excluded.said = tickets.said AND excluded.kind < tickets.kind
			THEN excluded.kind ELSE tickets.kind END,
		said   = CASE WHEN excluded.said < tickets.said OR tickets.said IS NULL THEN excluded.said ELSE tickets.said END,
		closes = CASE WHEN excluded.closed IS NOT NULL AND (tickets.closed IS NULL OR excluded.closed > tickets.closed) THEN excluded.closes ELSE tickets.closes END,
		opened = CASE WHEN excluded.opened IS NOT NULL AND (tickets.opened IS NULL OR excluded.opened < tickets.opened) THEN excluded.opened ELSE tickets.opened END,
		closed = CASE WHEN excluded.closed IS NOT NULL AND (tickets.closed IS NULL OR excluded.closed > tickets.closed) THEN excluded.closed ELSE tickets.closed END`

// Apply adds what the records tell of tickets.
func (Tickets) Apply(ctx context.Context, tx event.SQL, records []event.Record) error {
	for i := range records {
		r := &records[i]
		subject, predicate, ok := event.CDEvent(r.Type)
		if !ok || subject != "ticket" {
			continue
		}
		var data struct {
			Subject struct {
				ID      string `json:"id"`
				Content struct {
					TicketType string `json:"ticketType"`
				} `json:"content"`
			} `json:"subject"`
		}
		_ = json.Unmarshal(r.Data, &data) // what is not as it should be is absent
		kind := kindOf(cmp.Or(r.Extensions[event.ExtTicketType], data.Subject.Content.TicketType))
		id := data.Subject.ID
		if id == "" {
			id = r.Subject
		}
		if id == "" || len(id) > maxID || strings.ContainsRune(id, 0) {
			id = r.ID
		}
		var said, opened, closed any
		if kind != "" {
			said = r.Time.UnixMicro()
		}
		actor := r.IDs.Actor
		if r.Extensions[event.ExtBot] == "true" {
			actor = 0 // who told of it did not ask for it
		}
		var closes int64
		switch predicate {
		case "created":
			opened = r.Time.UnixMicro()
		case "closed":
			closed, closes = r.Time.UnixMicro(), r.Seq
		}
		if _, err := tx.Exec(ctx, upsertTicket, event.NameKey(r.Source), id, r.Seq, closes,
			r.IDs.Team, r.IDs.Service, r.IDs.Capability, actor, kind, said, opened, closed); err != nil {
			return fmt.Errorf("keep ticket %s: %w", id, err)
		}
	}
	return nil
}

// maxID bounds the id of a ticket, in bytes.
const maxID = 500

// Projectors are those of the summaries that support reads.
func Projectors() []event.Projector { return []event.Projector{Tickets{}} }
