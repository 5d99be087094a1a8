package event

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Poster is the authenticated principal that posts events from outside, with
// what it may speak for.
type Poster struct {
	Name string // "user/ann", "token/ci-7f3a"
	// Bot says that no person is behind it: what it says that itself did is told as
	// a machine's.
	Bot bool
	// Platform says that it belongs to the platform team: it may post for every
	// team, and events that others did, such as history from elsewhere.
	Platform bool
	// Takes says that it takes over, for the platform team, the sources that somebody
	// else has used: those that it tells of are not for it to choose.
	Takes bool
	Teams []string // the teams that it may post for
	// Team is the team of events that neither name one nor are about a service
	// whose team is known; "" leaves them without.
	Team string
}

// IngestOptions tune an Ingester. The zero value works.
type IngestOptions struct {
	Clock func() time.Time
	// TeamOf names the team that owns a service, "" for a service that Stoa does
	// not know. Nil: no service is known.
	TeamOf func(ctx context.Context, service string) (string, error)
	// Capabilities are Stoa's own, such as "deploy": an event that claims one says
	// that the platform was used, which only the platform team may say.
	Capabilities []string
}

// Ingester takes events from outside into the ledger.
type Ingester struct {
	store        Appender
	clock        func() time.Time
	teamOf       func(ctx context.Context, service string) (string, error)
	capabilities []string
}

// NewIngester makes an ingester.
func NewIngester(store Appender, o IngestOptions) *Ingester {
	in := &Ingester{store: store, clock: o.Clock, teamOf: o.TeamOf, capabilities: o.Capabilities}
	if in.clock == nil {
		in.clock = time.Now
	}
	if in.teamOf == nil {
		in.teamOf = func(context.Context, string) (string, error) { return "", nil }
	}
	return in
}

// maxAhead is how far in the future an event's time may lie: clocks differ.
const maxAhead = time.Hour

// Ingest appends the events, all or none, and says what became of each.
//
// It returns problem.Invalid for an event that is malformed, problem.TooLarge
// beyond the limits, and problem.Forbidden for one that speaks for what is not
// the poster's: a source below "/stoa" or bound to another principal, a type
// below "dev.stoa.", a capability of Stoa's, another actor, a foreign team. The
// platform team may bring the history of another platform: capabilities of
// Stoa's, and a few types below "dev.stoa.". A source that nobody has posted yet
// is bound to the poster; one that the platform team binds belongs to all of it,
// since a webhook and who reads the history behind it tell of the same source.
func (in *Ingester) Ingest(ctx context.Context, by Poster, events []Event) ([]Outcome, error) {
	if by.Name == "" {
		return nil, errors.New("ingest events: no poster given")
	}
	if len(events) > MaxBatch {
		return nil, problem.New(problem.TooLarge, "%d events in one batch, at most %d are taken", len(events), MaxBatch).Do("split the batch")
	}
	if len(events) == 0 {
		return []Outcome{}, nil
	}
	checked := make([]Event, len(events))
	teams := map[string]string{}
	for i, ev := range events {
		index := i
		if len(events) == 1 {
			index = -1
		}
		if err := in.check(ctx, by, &ev, index, teams); err != nil {
			return nil, err
		}
		checked[i] = ev
	}
	outcomes, err := in.store.AppendEvents(ctx, by.Name, checked, func(ctx context.Context, tx LedgerTx) error {
		return bindSources(ctx, tx, by, checked)
	})
	if err != nil {
		return nil, fmt.Errorf("ingest events: %w", err)
	}
	return outcomes, nil
}

// check refuses what the poster may not say and fills in what it did not.
func (in *Ingester) check(ctx context.Context, by Poster, ev *Event, index int, teams map[string]string) error {
	if err := validate(*ev, index); err != nil {
		return err
	}
	ev.Inferred = nil // but Names stand: no form of an event over HTTP gives any
	if resemblesOwn(ev.Source) {
		return forbidden(index, "source", "sources below /stoa are Stoa's own", "give your events a source of your own, such as https://ci.example.org/shop")
	}
	if err := in.checkOwn(by, ev, index); err != nil {
		return err
	}
	if ev.Time.After(in.clock().Add(maxAhead)) {
		return invalid(index, "time", "lies more than an hour in the future")
	}
	switch {
	case ev.Actor == "":
		infer(ev, "actor", &ev.Actor, by.Name)
	case ev.Actor == by.Name:
	case !by.Platform:
		return forbidden(index, "actor", "only the platform team may post what another actor did", "leave actor out: it is then you")
	case !strings.Contains(ev.Actor, "/") || strings.HasPrefix(ev.Actor, "stoa/"):
		return invalid(index, "actor", "must name a principal, such as user/ann")
	}
	if by.Bot && ev.Actor == by.Name && ev.Extensions[ExtBot] != "true" {
		ev.Extensions = maps.Clone(ev.Extensions)
		if ev.Extensions == nil {
			ev.Extensions = map[string]string{}
		}
		ev.Extensions[ExtBot] = "true"
		ev.Inferred = append(ev.Inferred, ExtBot)
	}
	inferDimensions(ev)
	owner, known := teams[ev.Service]
	if !known && ev.Service != "" {
		var err error
		if owner, err = in.teamOf(ctx, ev.Service); err != nil {
			return fmt.Errorf("find the team of service %s: %w", ev.Service, err)
		}
		teams[ev.Service] = owner
	}
	for _, team := range []string{ev.Team, owner} {
		if team != "" && !by.Platform && !slices.Contains(by.Teams, team) {
			return forbidden(index, "team", "you may not post for team "+team, "ask an owner of team "+team+" for a token of theirs")
		}
	}
	infer(ev, "team", &ev.Team, owner)
	infer(ev, "team", &ev.Team, by.Team)
	return nil
}

// checkOwn guards what Stoa says itself: its types, and the use of its capabilities.
func (in *Ingester) checkOwn(by Poster, ev *Event, index int) error {
	if strings.HasPrefix(strings.ToLower(ev.Type), "dev.stoa.") {
		switch {
		case !broughtType(ev.Type):
			return forbidden(index, "type", "types below dev.stoa. are Stoa's own", "use a CDEvents type, or one below a domain of yours")
		case !by.Platform:
			return forbidden(index, "type", "only the platform team may bring events of type "+ev.Type, "use a CDEvents type, or one below a domain of yours")
		}
	}
	own := slices.ContainsFunc(in.capabilities, func(c string) bool { return strings.EqualFold(c, strings.TrimSpace(ev.Capability)) })
	if own && !by.Platform {
		return forbidden(index, "capability", "capability "+ev.Capability+" is Stoa's own: only the platform team may say that it was used",
			"leave capability out, or name the one that you offer")
	}
	if count, given := ev.Extensions[ExtCount]; given && ev.Type == TypeUsage {
		if n, err := strconv.ParseInt(count, 10, 64); err != nil || n < 1 || n > MaxCount {
			return invalid(index, ExtCount, "must be a number from 1 to %d, is %q", MaxCount, count)
		}
	}
	return nil
}

// MaxCount bounds how often one event can say that something was used: the sum of
// any number of them is a number still.
const MaxCount = 1_000_000

// broughtType reports whether the platform team may post events of the type
// under a source that is not Stoa's: what another platform knows of its history.
func broughtType(eventType string) bool {
	switch eventType {
	case TypeUsage, "dev.stoa.access.asked", "dev.stoa.access.granted", "dev.stoa.access.revoked",
		"dev.stoa.alert.received", "dev.stoa.input.asked", "dev.stoa.gate.refused":
		return true
	}
	return false
}

func forbidden(index int, field, why, next string) *problem.Problem {
	return problem.New(problem.Forbidden, "%s cannot be taken: nothing was", eventName(index)).
		Because(why).Do(next).WithFields(problem.Field{Source: eventName(index), Path: field, Message: why})
}

// resemblesOwn reports whether a source is, or could be read as, one of Stoa's own.
func resemblesOwn(source string) bool {
	u, err := url.Parse(source)
	if err != nil {
		return OwnSource(source)
	}
	if u.IsAbs() || (u.Host != "" && !strings.EqualFold(u.Host, "stoa")) {
		return strings.EqualFold(u.Scheme, "stoa")
	}
	return OwnSource(path.Clean("/" + strings.ToLower(u.Host+"/"+u.Path)))
}

// KindPlatform is the kind of the owner of a source that the platform team bound.
const KindPlatform = "platform"

// bindSources binds the sources that are new to the poster and refuses those
// that belong to another principal, or to the platform team, whose sources all
// of its principals may post. Who Takes is refused none: else whoever is quick could
// lock a webhook or the history of a host out, by using the source that it tells of.
func bindSources(ctx context.Context, tx LedgerTx, by Poster, events []Event) error {
	owner, err := tx.Pseudonym(ctx, by.Name)
	if err != nil {
		return err
	}
	kind, _, _ := strings.Cut(by.Name, "/")
	if by.Platform {
		kind = KindPlatform
	}
	seen := map[string]int{}
	var sources []string
	for i, ev := range events {
		if _, ok := seen[ev.Source]; !ok {
			seen[ev.Source] = i
			sources = append(sources, ev.Source)
		}
	}
	slices.Sort(sources) // the same order in every transaction: none waits for another in a circle
	for _, source := range sources {
		bound, err := bind(ctx, tx, SourceBinding{Source: source, Owner: owner, Kind: kind}, by.Takes)
		if err != nil {
			return fmt.Errorf("bind source %s: %w", source, err)
		}
		if bound.Owner != owner && !(by.Platform && bound.Kind == KindPlatform) {
			index := seen[source]
			if len(events) == 1 {
				index = -1
			}
			whose := "another principal (a " + bound.Kind + ")"
			if bound.Kind == KindPlatform {
				whose = "another principal (of the platform team)"
			}
			told := forbidden(index, "source", fmt.Sprintf("source %s belongs to %s", source, whose),
				"use a source of your own, or post with the token that the source belongs to")
			if by.Platform {
				told.Do("POST /events?takeOver=true    makes it the platform team's")
			}
			return told
		}
	}
	return nil
}

// bind binds a source if nobody has it, or takes it from who is not of the platform
// team, and returns whose it is now.
func bind(ctx context.Context, tx LedgerTx, want SourceBinding, takes bool) (SourceBinding, error) {
	has := SourceBinding{Source: want.Source}
	find := func() error {
		return tx.QueryRow(ctx, "SELECT owner, kind FROM sources WHERE source = $1", want.Source).Scan(&has.Owner, &has.Kind)
	}
	if err := find(); !errors.Is(err, sql.ErrNoRows) && (err != nil || !takes || has.Kind == KindPlatform) {
		return has, err
	}
	query := "INSERT INTO sources (source, owner, kind) VALUES ($1, $2, $3) ON CONFLICT (source) DO NOTHING"
	if takes {
		query = "INSERT INTO sources (source, owner, kind) VALUES ($1, $2, $3) ON CONFLICT (source) DO UPDATE SET owner = excluded.owner, kind = excluded.kind WHERE sources.kind <> excluded.kind"
	}
	result, err := tx.Exec(ctx, query, want.Source, want.Owner, want.Kind)
	if err != nil {
		return has, err
	}
	if n, err := result.RowsAffected(); err != nil {
		return has, err
	} else if n == 1 { // else somebody was quicker
		data, err := json.Marshal(want)
		if err != nil {
			return has, err
		}
		tx.Append(Event{Source: LedgerSource, Type: TypeSourceBound, Data: data})
	}
	return has, find()
}
