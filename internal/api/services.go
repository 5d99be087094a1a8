package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/runtime"
)

func (a *api) serviceRoutes() {
	post := func(id, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodPost, Path: "/api/v1/services/{name}/" + path, Summary: summary, Tags: []string{"services"}}
	}
	register(a, post("rollback-service", "rollback", "Release an earlier artifact again"),
		func(ctx context.Context, in *rollbackInput) (*releaseOutput, error) {
			rel, err := a.Verbs.Rollback(ctx, by(ctx, in.Body.Reason), in.Name, in.Body.Environment, in.Body.To)
			return &releaseOutput{Body: rel}, err
		})
	register(a, post("promote-service", "promote", "Release the artifact of one environment to another"),
		func(ctx context.Context, in *promoteInput) (*releaseOutput, error) {
			rel, err := a.Verbs.Promote(ctx, by(ctx, in.Body.Reason), in.Name, in.Body.From, in.Body.To)
			return &releaseOutput{Body: rel}, err
		})
	register(a, post("scale-service", "scale", "Set the number of instances"),
		func(ctx context.Context, in *scaleInput) (*serviceOutput, error) {
			s, err := a.Verbs.Scale(ctx, by(ctx, in.Body.Reason), in.Name, in.Body.Environment, in.Body.Replicas)
			return &serviceOutput{Body: s}, err
		})
	register(a, post("restart-service", "restart", "Replace all instances without a lost request"),
		func(ctx context.Context, in *environmentInput) (*serviceOutput, error) {
			s, err := a.Verbs.Restart(ctx, by(ctx, in.Body.Reason), in.Name, in.Body.Environment, a.Clock())
			return &serviceOutput{Body: s}, err
		})
	register(a, huma.Operation{
		OperationID: "status-of-service", Method: http.MethodGet, Path: "/api/v1/services/{name}/status", Summary: "How a service runs now", Tags: []string{"services"},
	}, a.serviceStatus)
	register(a, huma.Operation{
		OperationID: "status", Method: http.MethodGet, Path: "/api/v1/status", Summary: "How all services and the platform's summaries are now", Tags: []string{"services"},
	}, a.platformStatus)
	register(a, huma.Operation{
		OperationID: "logs-of-service", Method: http.MethodGet, Path: "/api/v1/services/{name}/logs", Summary: "What a service printed", Tags: []string{"services"},
		Description: "One JSON object a line (application/x-ndjson); with follow the answer goes on until the client leaves.",
		Responses:   map[string]*huma.Response{"200": {Description: "Lines.", Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: "string"}}}}},
	}, a.serviceLogs)
}

type rollbackInput struct {
	NameInput
	Body struct {
		Environment string `json:"environment" minLength:"1"`
		To          string `json:"to,omitempty" doc:"The release to go back to; default is the one before the present artifact."`
		Reason      string `json:"reason,omitempty" maxLength:"500"`
	}
}

type promoteInput struct {
	NameInput
	Body struct {
		From   string `json:"from" minLength:"1" doc:"The environment whose artifact is taken."`
		To     string `json:"to" minLength:"1"`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

type scaleInput struct {
	NameInput
	Body struct {
		Environment string `json:"environment" minLength:"1"`
		Replicas    int    `json:"replicas" minimum:"0" maximum:"100"`
		Reason      string `json:"reason,omitempty" maxLength:"500"`
	}
}

type environmentInput struct {
	NameInput
	Body struct {
		Environment string `json:"environment" minLength:"1"`
		Reason      string `json:"reason,omitempty" maxLength:"500"`
	}
}

type serviceOutput struct{ Body catalog.Service }

type statusOutput struct{ Body serviceStatus }

// serviceStatus is what is declared, deployed and seen of a service.
type serviceStatus struct {
	Service      string                       `json:"service"`
	Owner        string                       `json:"owner"`
	Environments map[string]environmentStatus `json:"environments"`
}

type environmentStatus struct {
	catalog.Deployment
	Shortfall string             `json:"shortfall,omitempty" doc:"Why fewer instances answer at this moment than are wanted, or which further process does not stay up."`
	Replicas  int                `json:"replicas"`
	Healthy   int                `json:"healthy"`
	Instances []runtime.Instance `json:"instances"`
	OnTheWay  []onTheWay         `json:"onTheWay,omitempty" doc:"Releases that have not ended, in the order of their turns."`
}

// onTheWay is a release that has not ended.
type onTheWay struct {
	Release string     `json:"release"`
	Step    string     `json:"step" doc:"At which it is, or for which it waits."`
	Since   *time.Time `json:"since,omitempty" doc:"When the step began; missing while it waits."`
	Message string     `json:"message,omitempty"`
}

func (a *api) serviceStatus(ctx context.Context, in *NameInput) (*statusOutput, error) {
	if err := a.readsKind(ctx, "Service"); err != nil {
		return nil, err
	}
	s, err := object.Get[catalog.Service](ctx, a.Store, in.Name)
	if err != nil {
		return nil, err
	}
	unfinished, err := delivery.OnTheWay(ctx, a.Store, in.Name)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(unfinished, func(a, b delivery.Release) int { return cmp.Compare(a.Spec.Number, b.Spec.Number) })
	out := &statusOutput{Body: serviceStatus{Service: in.Name, Owner: s.Metadata.Owner, Environments: map[string]environmentStatus{}}}
	for _, env := range catalog.EnvironmentsOf(s) {
		now, err := catalog.Look(ctx, a.Runtime, s, env)
		if err != nil {
			return nil, err
		}
		at := environmentStatus{Deployment: s.Status.Environments[env], Replicas: now.Wanted, Healthy: now.Healthy, Instances: now.Seen.All()}
		at.State, at.Message, at.Shortfall = now.State, now.Message, now.Shortfall
		if at.Instances == nil {
			at.Instances = []runtime.Instance{}
		}
		for _, rel := range unfinished {
			if rel.Spec.Environment == env {
				step := rel.Status.Current()
				at.OnTheWay = append(at.OnTheWay, onTheWay{rel.Metadata.Name, step.Name, step.Started, step.Message})
			}
		}
		out.Body.Environments[env] = at
	}
	return out, nil
}

type surveyInput struct {
	Environment string `query:"environment" maxLength:"63" doc:"Only this one; default: all."`
}

type surveyOutput struct {
	Body struct {
		catalog.Survey
		Summaries []string `json:"summaries" doc:"Why numbers are not of all that happened; empty while they are."`
	}
}

func (a *api) platformStatus(ctx context.Context, in *surveyInput) (*surveyOutput, error) {
	if err := a.readsKind(ctx, "Service"); err != nil {
		return nil, err
	}
	out := &surveyOutput{}
	var err error
	if out.Body.Survey, err = catalog.LookAtAll(ctx, a.Store, a.Runtime, in.Environment); err != nil {
		return nil, err
	}
	projections, err := a.Store.Projections(ctx)
	out.Body.Summaries = event.Shortfalls(projections)
	return out, err
}
