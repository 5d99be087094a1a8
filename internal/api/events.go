package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
)

// Usage gathers what people use, off the request's path.
type Usage interface {
	// Capability names what a call of an operation is a use of.
	Capability(operation string) string
	// Note counts one call of an operation.
	Note(ctx context.Context, p auth.Principal, operation, surface string)
	// NoteService counts one use of a capability for a service.
	NoteService(ctx context.Context, p auth.Principal, capability, team, service, environment, surface string)
	// Record counts what was wanted and is not allowed.
	Record(u event.Use)
}

// Ingester takes events from outside into the ledger.
type Ingester interface {
	Ingest(ctx context.Context, by event.Poster, events []event.Event) ([]event.Outcome, error)
}

func (a *api) eventRoutes() {
	register(a, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/api/v1/events", Summary: "Read the ledger", Tags: []string{"events"},
	}, a.listEvents)
	register(a, huma.Operation{
		OperationID: "tail-events", Method: http.MethodGet, Path: "/api/v1/events/tail", Summary: "Follow the ledger", Tags: []string{"events"},
		Description: "Server-sent events: `event` with a record of the ledger, from now on or after the given sequence.",
		Responses:   map[string]*huma.Response{"200": {Description: "Server-sent events.", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}}}},
	}, a.tailEvents)
	op := huma.Operation{
		OperationID: "post-events", Method: http.MethodPost, Summary: "Post CloudEvents", Tags: []string{"events"},
		Description: "CloudEvents 1.0 in any HTTP mode: binary (ce-* headers), structured (application/cloudevents+json) or batched (application/cloudevents-batch+json). " +
			"The same event again is a no-op; a source belongs to whoever first posted it.",
		MaxBodyBytes: maxBody, DefaultStatus: http.StatusAccepted, Path: "/events",
		SkipValidateBody: true, // it would be held against the schema of any one of the modes; ParseHTTP knows them all
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/cloudevents+json":       {Schema: &huma.Schema{Type: "object"}},
			"application/cloudevents-batch+json": {Schema: &huma.Schema{Type: "array", Items: &huma.Schema{Type: "object"}}},
		}},
	}
	register(a, op, a.postEvents)
}

type eventsInput struct {
	Type        []string  `query:"type,explode" doc:"Exact, or a prefix that ends in a dot; may be repeated."`
	Subject     string    `query:"subject"`
	Source      string    `query:"source"`
	Actor       string    `query:"actor" doc:"A principal such as user/ann."`
	Team        string    `query:"team"`
	Service     string    `query:"service"`
	Capability  string    `query:"capability"`
	Environment string    `query:"environment"`
	From        time.Time `query:"from"`
	To          time.Time `query:"to"`
	After       string    `query:"after" maxLength:"2000" doc:"Read on after this, oldest first: the next of the page before, or the seq of an event."`
	Before      string    `query:"before" maxLength:"2000" doc:"Read on before this, newest first: the next of the page before, or the seq of an event."`
	Limit       int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (in *eventsInput) filter() (event.Filter, error) {
	after, err := parsePage("after", in.After)
	if err != nil {
		return event.Filter{}, err
	}
	before, err := parsePage("before", in.Before)
	return event.Filter{
		Types: in.Type, Subject: in.Subject, Source: in.Source, Actor: in.Actor, Team: in.Team, Service: in.Service,
		Capability: in.Capability, Environment: in.Environment, From: in.From, To: in.To,
		AfterSeq: after, BeforeSeq: before, Newest: after == 0, Limit: in.Limit,
	}, err
}

type eventsOutput struct {
	Body struct {
		Items []event.Record `json:"items"`
		Next  string         `json:"next" doc:"The before (newest first) or the after (oldest first) of the next page; empty on the last."`
	}
}

func (a *api) listEvents(ctx context.Context, in *eventsInput) (*eventsOutput, error) {
	if err := a.mayAudit(ctx, in.Team); err != nil {
		return nil, err
	}
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	records, err := a.namedEvents(ctx, f)
	if err != nil {
		return nil, err
	}
	out := &eventsOutput{}
	out.Body.Items = append([]event.Record{}, records...)
	if event.Full(records, in.Limit) {
		out.Body.Next = pageText(records[len(records)-1].Seq)
	}
	return out, nil
}

// mayAudit lets a team's members read what is about their team, and the
// platform team all.
func (a *api) mayAudit(ctx context.Context, team string) error {
	kind, _ := a.Pipe.Kinds().ByName("Service")
	return a.reads(ctx, auth.Audit, kind, team)
}

// namedEvents reads records and shows people by their names where they still
// have one.
func (a *api) namedEvents(ctx context.Context, f event.Filter) ([]event.Record, error) {
	records, err := a.Store.Events(ctx, f)
	if err != nil {
		return nil, err
	}
	var pseudonyms []string
	for _, r := range records {
		pseudonyms = append(pseudonyms, r.Actor, r.Poster, r.AboutPerson())
	}
	names, err := a.Store.Persons(ctx, distinct(pseudonyms)...)
	if err != nil {
		return nil, err
	}
	for i := range records {
		if name, ok := names[records[i].AboutPerson()]; ok {
			records[i].Subject = name
		}
		if name, ok := names[records[i].Actor]; ok {
			records[i].Actor = name
		}
		if name, ok := names[records[i].Poster]; ok {
			records[i].Poster = name
		}
	}
	return records, nil
}

// names returns how to show the actors of a history.
func (a *api) names(ctx context.Context, revisions []store.Revision) (func(string) string, error) {
	var pseudonyms []string
	for _, r := range revisions {
		pseudonyms = append(pseudonyms, r.Actor)
	}
	known, err := a.Store.Persons(ctx, distinct(pseudonyms)...)
	return func(pseudonym string) string {
		if name, ok := known[pseudonym]; ok {
			return name
		}
		return pseudonym
	}, err
}

func distinct(names []string) []string {
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == "" })
}

// newest is the sequence of the last event, 0 before the first.
func (a *api) newest(ctx context.Context) (int64, error) {
	last, err := a.Store.Events(ctx, event.Filter{Newest: true, Limit: 1})
	if err != nil || len(last) == 0 {
		return 0, err
	}
	return last[0].Seq, nil
}

func (a *api) tailEvents(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	if err := a.mayAudit(ctx, in.Team); err != nil {
		return nil, err
	}
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	f.Newest, f.BeforeSeq, f.Limit = false, 0, 1000
	if f.AfterSeq == 0 {
		if f.AfterSeq, err = a.newest(ctx); err != nil {
			return nil, err
		}
	}
	return stream(func(ctx context.Context, s *sse) error {
		for {
			appended := a.Store.Appended()
			head, err := a.newest(ctx)
			if err != nil {
				return err
			}
			records, err := a.namedEvents(ctx, f)
			if err != nil {
				return err
			}
			for _, r := range records {
				f.AfterSeq = r.Seq
				data, err := json.Marshal(r)
				if err != nil {
					return err
				}
				if err := s.send("event", data); err != nil {
					return err
				}
			}
			if len(records) > 0 {
				continue
			}
			f.AfterSeq = max(f.AfterSeq, head) // what does not match is not read again
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-appended:
			case <-time.After(time.Second): // appended by another replica
				if err := s.ping(); err != nil {
					return err
				}
			}
		}
	}), nil
}

type postInput struct {
	TakeOver bool `query:"takeOver" doc:"For the platform team only: the sources of the events are its own from now on, whoever has posted under them before."`
	header   http.Header
	RawBody  []byte
}

// Resolve keeps the headers: in binary mode they are the event.
func (p *postInput) Resolve(ctx huma.Context) []error {
	p.header = requestFrom(ctx).Header
	return nil
}

type postOutput struct {
	Body struct {
		Items []event.Outcome `json:"items"`
	}
}

func (a *api) postEvents(ctx context.Context, in *postInput) (*postOutput, error) {
	p := requestOf(ctx).principal
	kind, _ := a.Pipe.Kinds().ByName("Service")
	poster := event.Poster{Name: p.Name, Bot: p.Bot, Platform: auth.Allowed(p, auth.Post, kind, "").Allowed}
	for team := range p.Teams {
		if auth.Allowed(p, auth.Post, kind, team).Allowed {
			poster.Teams = append(poster.Teams, team)
		}
	}
	if !poster.Platform && len(poster.Teams) == 1 {
		poster.Team = poster.Teams[0] // what a team's CI does not say is about whom it works for
	}
	if !poster.Platform && len(poster.Teams) == 0 {
		return nil, auth.Allowed(p, auth.Post, kind, "").Err()
	}
	if poster.Takes = in.TakeOver; poster.Takes && !poster.Platform { // it may post, and is not told that it may not
		told := auth.Allowed(p, auth.Post, kind, "").Problem
		told.Title = p.Name + " may not take sources over"
		told.Next = append([]string{"POST /events    without takeOver, where the sources are yours"}, told.Next...)
		return nil, told
	}
	events, err := event.ParseHTTP(in.header, bytes.NewReader(in.RawBody))
	if err != nil {
		return nil, err
	}
	outcomes, err := a.Ingest.Ingest(ctx, poster, events)
	out := &postOutput{}
	out.Body.Items = append([]event.Outcome{}, outcomes...)
	return out, err
}
