package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Event is a record of the ledger: a CloudEvent with when it came and from whom.
type Event struct {
	Seq      int64     `json:"seq"` // its place in the ledger, from 1
	Received time.Time `json:"received"`
	Poster   string    `json:"poster"` // the principal that posted it; a pseudonym once the person is erased

	ID     string `json:"id"` // unique within Source
	Source string `json:"source"`
	// Type is a CDEvents type where one exists, else "dev.stoa.<noun>.<verb>".
	Type    string    `json:"type"`
	Subject string    `json:"subject,omitempty"` // what it is about, such as "service/shop"
	Time    time.Time `json:"time"`

	// Actor is who did it; a pseudonym once the person is erased. It is empty,
	// like all that follow, where it is not known.
	Actor       string `json:"actor,omitempty"`
	Team        string `json:"team,omitempty"`
	Service     string `json:"service,omitempty"`
	Capability  string `json:"capability,omitempty"`
	Environment string `json:"environment,omitempty"`

	// Names are the pseudonyms of those whom Data names beside the actor.
	Names []string `json:"names,omitempty"`
	// Inferred names the fields that the platform filled in, such as "team".
	Inferred []string `json:"inferred,omitempty"`
	// Extensions are the sender's other CloudEvents attributes, in their string form.
	Extensions map[string]string `json:"extensions,omitempty"`

	// DataContentType is "" for application/json. For a type that is not JSON at
	// all, Data is a JSON string that holds the bytes in base64.
	DataContentType string `json:"datacontenttype,omitempty"`
	// Data is the payload, JSON; empty when there is none or it was erased.
	Data json.RawMessage `json:"data,omitempty"`
	// Erased says that Data was removed at someone's wish or by retention.
	Erased bool `json:"erased,omitempty"`
}

// EventQuery selects events. The zero value of a field selects all.
type EventQuery struct {
	Types                                                          []string
	Subject, Source, Actor, Team, Service, Capability, Environment string
	From, To                                                       time.Time
	// After reads on after a page, oldest first, Before before one, newest first:
	// each the next of that page, or the Seq of an event in decimal.
	After, Before string
	Limit         int // 1 to 1000; 0 is 100
}

func (q EventQuery) values() url.Values {
	v := url.Values{}
	for _, t := range q.Types {
		v.Add("type", t)
	}
	set(v, "subject", q.Subject)
	set(v, "source", q.Source)
	set(v, "actor", q.Actor)
	set(v, "team", q.Team)
	set(v, "service", q.Service)
	set(v, "capability", q.Capability)
	set(v, "environment", q.Environment)
	for name, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	set(v, "after", q.After)
	set(v, "before", q.Before)
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// Events returns a page of the ledger, newest first unless After is set, and
// the After or Before of the next page, "" on the last.
func (c *Client) Events(ctx context.Context, q EventQuery) ([]Event, string, error) {
	var out struct {
		Items []Event `json:"items"`
		Next  string  `json:"next"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/events", q.values(), nil, &out)
	return out.Items, out.Next, err
}

// Tail calls each for every event from now on, or after q.After, until the
// context ends. A connection that breaks off is taken up where it was.
func (c *Client) Tail(ctx context.Context, q EventQuery, each func(Event) error) error {
	patience := &follower{c: c}
	for {
		err := c.events(ctx, "/api/v1/events/tail", q.values(), func(kind string, data []byte) error {
			if kind != "event" {
				return nil
			}
			var e Event
			if err := json.Unmarshal(data, &e); err != nil {
				return err
			}
			q.After = strconv.FormatInt(e.Seq, 10)
			return each(e)
		})
		if err := patience.again(ctx, err); err != nil {
			return err
		}
	}
}

// PostStatus is how posting ended for one event.
type PostStatus string

// The statuses of a posted event.
const (
	PostAccepted  PostStatus = "accepted"
	PostDuplicate PostStatus = "duplicate" // the very same event is in the ledger already: nothing was added
	PostConflict  PostStatus = "conflict"  // other content under a known id: that was recorded instead
)

// Outcome is what became of a posted event.
type Outcome struct {
	// Seq is the event's sequence. For a duplicate it is that of the event that
	// was there before; for a conflict that of the record of the conflict.
	Seq    int64      `json:"seq"`
	Status PostStatus `json:"status"`
}

// mediaBatch is the content type of many CloudEvents in one body.
const mediaBatch = "application/cloudevents-batch+json"

// Post posts CloudEvents, all or none; contentType is that of their HTTP mode.
func (c *Client) Post(ctx context.Context, contentType string, body io.Reader) ([]Outcome, error) {
	return c.post(ctx, nil, contentType, body)
}

// TakeOver is Post for the platform team, whose the sources of the events are from then
// on, whoever has posted under them before.
func (c *Client) TakeOver(ctx context.Context, contentType string, body io.Reader) ([]Outcome, error) {
	return c.post(ctx, url.Values{"takeOver": {"true"}}, contentType, body)
}

func (c *Client) post(ctx context.Context, q url.Values, contentType string, body io.Reader) ([]Outcome, error) {
	var out struct {
		Items []Outcome `json:"items"`
	}
	err := c.send(ctx, http.MethodPost, "/events", q, contentType, body, &out)
	return out.Items, err
}
