package api

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/adoption/journey"
	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
)

// Measures computes the numbers of the platform.
type Measures interface {
	Definitions() []measure.Definition
	Ask(ctx context.Context, name string, s measure.Scope) (measure.Answer, error)
	AskBefore(ctx context.Context, name string, s measure.Scope) ([]measure.Point, error)
	Evidence(ctx context.Context, name string, s measure.Scope, after int64, limit int) ([]int64, error)
	Score(ctx context.Context, name string, spec measure.ScorecardSpec, s measure.Scope) (measure.Computed, error)
	View(ctx context.Context, s measure.Scope) (*measure.View, error)
	dora.Asker
}

func (a *api) measureRoutes() {
	tags := []string{"measures"}
	register(a, huma.Operation{
		OperationID: "list-measures", Method: http.MethodGet, Path: "/api/v1/measures", Summary: "What is measured, and how", Tags: tags,
	}, a.listMeasures)
	register(a, huma.Operation{
		OperationID: "ask-measure", Method: http.MethodGet, Path: "/api/v1/measures/{name}", Summary: "The value of a measure, whole, cut into groups, or as a series", Tags: tags,
		Description: "A value that has no data is null, never 0. Times are whole days in UTC, half-open: to is the day after the last.",
	}, a.askMeasure)
	register(a, huma.Operation{
		OperationID: "evidence-of-measure", Method: http.MethodGet, Path: "/api/v1/measures/{name}/evidence", Summary: "The events behind a measure", Tags: tags,
	}, a.evidence)
	register(a, huma.Operation{
		OperationID: "scorecard", Method: http.MethodGet, Path: "/api/v1/scorecard", Summary: "Measures held against their targets", Tags: tags,
		Description: "The scorecard named balanced comes with the platform; an object of kind Scorecard with that name replaces it. Times are whole days in UTC, half-open: to is the day after the last.",
	}, a.scorecard)
	register(a, huma.Operation{
		OperationID: "journeys", Method: http.MethodGet, Path: "/api/v1/journeys", Summary: "What newcomers come to, and where they stop, by persona", Tags: tags,
		Description: "A persona is inferred from what people do, by the rules in the answer. A number of fewer than 5 people is null, and one of all but so few.",
	}, a.journeys)
	register(a, huma.Operation{
		OperationID: "contrasts", Method: http.MethodGet, Path: "/api/v1/contrasts", Summary: "Delivery and tickets on the golden path and off it, matched by segment", Tags: tags,
		Description: "A correlation: teams chose the path themselves. Nothing may be claimed of a difference that is not clear. A team is on the path in a month if most of its deployments to production were; cost is named, and waits for data.",
	}, a.contrasts)
}

// TeamsInput is the time and the teams that something is asked for.
type TeamsInput struct {
	From    string `query:"from" doc:"First day, such as 2026-11-01."`
	To      string `query:"to" doc:"The day after the last; default is tomorrow."`
	Days    string `query:"days" doc:"How many days, from the first or up to the end; default 30."`
	Team    string `query:"team" doc:"Only these teams, separated by commas."`
	Segment string `query:"segment"`
	Wave    string `query:"wave"`
}

func (in *TeamsInput) values() url.Values {
	return given(map[string]string{"from": in.From, "to": in.To, "days": in.Days, "team": in.Team, "segment": in.Segment, "wave": in.Wave})
}

// ScopeInput is the time and the cut that a measure is asked for.
type ScopeInput struct {
	TeamsInput
	Service    string `query:"service"`
	Capability string `query:"capability"`
	Path       string `query:"path" enum:"on,off," doc:"Only what is on, or off, the golden path."`
}

func (in *ScopeInput) values() url.Values {
	q := in.TeamsInput.values()
	maps.Copy(q, given(map[string]string{"service": in.Service, "capability": in.Capability, "path": in.Path}))
	return q
}

// given keeps what is said.
func given(all map[string]string) url.Values {
	q := url.Values{}
	for name, value := range all {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

type definitionsOutput struct {
	Body struct {
		Items []measure.Definition `json:"items"`
	}
}

func (a *api) listMeasures(context.Context, *struct{}) (*definitionsOutput, error) {
	out := &definitionsOutput{}
	out.Body.Items = a.Measures.Definitions()
	return out, nil
}

type measureInput struct {
	NameInput
	ScopeInput
	By      string `query:"by" doc:"Cut into groups: team, segment, wave, service, capability or path."`
	Step    string `query:"step" doc:"A series by day, week or month."`
	Compare bool   `query:"compare" doc:"The same time before, too."`
}

type measureOutput struct {
	Body struct {
		measure.Answer
		Before []measure.Point `json:"before,omitempty"`
	}
}

func (a *api) askMeasure(ctx context.Context, in *measureInput) (*measureOutput, error) {
	if err := a.readsAny(ctx); err != nil {
		return nil, err
	}
	q := in.values()
	q.Set("by", in.By)
	q.Set("step", in.Step)
	s, err := measure.ParseScope(q, measure.UsualDays, a.Clock())
	if err != nil {
		return nil, err
	}
	out := &measureOutput{}
	if out.Body.Answer, err = a.Measures.Ask(ctx, in.Name, s); err != nil {
		return nil, err
	}
	targets, err := measure.TargetsOf(ctx, a.Store)
	if err != nil {
		return nil, err
	}
	if t, ok := targets[in.Name]; ok && out.Body.Graded(t, s) {
		out.Body.Target = &t
	}
	if !in.Compare {
		return out, nil
	}
	out.Body.Before, err = a.Measures.AskBefore(ctx, in.Name, s)
	return out, err
}

// view is what is computed of that is no measure.
func (a *api) view(ctx context.Context, q url.Values) (*measure.View, error) {
	if err := a.readsAny(ctx); err != nil {
		return nil, err
	}
	s, err := measure.ParseScope(q, measure.UsualDays, a.Clock())
	if err != nil {
		return nil, err
	}
	return a.Measures.View(ctx, s)
}

// journeysInput has no more: who is new follows from all that somebody did.
type journeysInput struct{ TeamsInput }

type journeysOutput struct {
	Body struct {
		Items []journey.Journey     `json:"items"`
		Rules []journey.PersonaRule `json:"rules" doc:"Which words in the name of a capability tell of a persona."`
	}
}

func (a *api) journeys(ctx context.Context, in *journeysInput) (*journeysOutput, error) {
	view, err := a.view(ctx, in.values())
	if err != nil {
		return nil, err
	}
	out := &journeysOutput{}
	out.Body.Rules = journey.PersonaRules()
	out.Body.Items, err = adoption.Journeys(ctx, view)
	return out, err
}

// contrastsInput has no path: both sides are what is compared.
type contrastsInput struct {
	TeamsInput
	Service string `query:"service"`
}

type contrastsOutput struct {
	Body struct {
		Items []dora.Contrast `json:"items"`
	}
}

func (a *api) contrasts(ctx context.Context, in *contrastsInput) (*contrastsOutput, error) {
	q := in.values()
	if in.Service != "" {
		q.Set("service", in.Service)
	}
	view, err := a.view(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &contrastsOutput{}
	out.Body.Items, err = dora.Contrasts(ctx, view, a.Measures)
	return out, err
}

type evidenceInput struct {
	NameInput
	ScopeInput
	After string `query:"after" maxLength:"2000" doc:"The next of the page before."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type evidenceOutput struct {
	Body struct {
		Items []event.Record `json:"items"`
		Next  string         `json:"next" doc:"The after of the next page; empty on the last."`
	}
}

// evidence shows the events behind a number to those who may read the ledger:
// a team's members those of their team, the platform team all.
func (a *api) evidence(ctx context.Context, in *evidenceInput) (*evidenceOutput, error) {
	if err := a.mayAudit(ctx, in.Team); err != nil {
		return nil, err
	}
	s, err := measure.ParseScope(in.values(), measure.UsualDays, a.Clock())
	if err != nil {
		return nil, err
	}
	after, err := parsePage("after", in.After)
	if err != nil {
		return nil, err
	}
	seqs, err := a.Measures.Evidence(ctx, in.Name, s, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &evidenceOutput{}
	out.Body.Items = []event.Record{}
	if len(seqs) == 0 {
		return out, nil
	}
	if out.Body.Items, err = a.namedEvents(ctx, event.Filter{Seqs: seqs, Limit: len(seqs)}); err != nil {
		return nil, err
	}
	if n := len(out.Body.Items); n > 0 && (n < len(seqs) || n == in.Limit) {
		out.Body.Next = pageText(out.Body.Items[n-1].Seq)
	}
	return out, nil
}

type scorecardInput struct {
	ScopeInput
	Name string `query:"name" default:"balanced" maxLength:"63"`
}

type scorecardOutput struct{ Body measure.Computed }

func (a *api) scorecard(ctx context.Context, in *scorecardInput) (*scorecardOutput, error) {
	if err := a.readsKind(ctx, "Scorecard"); err != nil {
		return nil, err
	}
	spec, err := measure.SpecOf(ctx, a.Store, in.Name)
	if err != nil {
		return nil, err
	}
	s, err := measure.ParseScope(in.values(), cmp.Or(spec.Days, measure.UsualDays), a.Clock())
	if err != nil {
		return nil, err
	}
	out := &scorecardOutput{}
	out.Body, err = a.Measures.Score(ctx, in.Name, spec, s)
	return out, err
}
