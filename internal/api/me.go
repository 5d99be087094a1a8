package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
)

// kept is all that a platform keeps about a person.
type kept struct {
	Principal auth.Principal `json:"principal"`
	// Pseudonym is the name in history and ledger; "" as long as nothing was done.
	Pseudonym string        `json:"pseudonym"`
	Tokens    int           `json:"tokens"`
	Deeds     []store.Deed  `json:"deeds"`
	Named     []keptPayload `json:"named"`
	// Latest are the newest events that the person did.
	Latest []event.Record `json:"latest"`
	Erase  string         `json:"erase"`
}

// keptPayload is an event whose payload names the person, and so goes with them.
type keptPayload struct {
	Seq  int64  `json:"seq"`
	Type string `json:"type"`
}

const latestKept = 20

func (a *api) meRoutes() {
	register(a, huma.Operation{
		OperationID: "me", Method: http.MethodGet, Path: "/api/v1/me", Summary: "All that is kept about the caller", Tags: []string{"sign-in"},
	}, a.me)
}

type meOutput struct{ Body kept }

// me shows everybody themselves, and nobody else: not who only has a token of
// theirs that was made for something else than reading.
func (a *api) me(ctx context.Context, _ *struct{}) (*meOutput, error) {
	if err := a.readsAny(ctx); err != nil {
		return nil, err
	}
	p := requestOf(ctx).principal
	out := &meOutput{Body: kept{Principal: p, Deeds: []store.Deed{}, Named: []keptPayload{}, Latest: []event.Record{},
		Erase: "a platform admin erases a person: stoa person erase NAME. Name and payloads go; what was done stays, under a pseudonym that leads to nobody."}}
	tokens, err := a.Auth.ListTokens(ctx, p, p.Name)
	if err != nil {
		return nil, err
	}
	out.Body.Tokens = len(tokens)
	if out.Body.Pseudonym, err = a.Store.Pseudonym(ctx, p.Name); err != nil || out.Body.Pseudonym == "" {
		return out, err
	}
	deeds, err := a.Store.Deeds(ctx, p.Name)
	if err != nil {
		return nil, err
	}
	named, err := a.Store.Naming(ctx, out.Body.Pseudonym)
	if err != nil {
		return nil, err
	}
	for _, n := range named {
		out.Body.Named = append(out.Body.Named, keptPayload{n.Seq, n.Type})
	}
	latest, err := a.namedEvents(ctx, event.Filter{Actor: p.Name, Newest: true, Limit: latestKept})
	out.Body.Deeds, out.Body.Latest = append(out.Body.Deeds, deeds...), append(out.Body.Latest, latest...)
	return out, err
}
