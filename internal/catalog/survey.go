package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/stoa-platform/stoa/internal/object"
)

// maxUnwell is how many deployments that are unwell a survey names; the counts
// by state are of all.
const maxUnwell = 500

// Survey is how everything that is deployed does at one moment.
type Survey struct {
	Services int            `json:"services"`
	States   map[string]int `json:"states" doc:"Deployments by state."`
	Unwell   []Unwell       `json:"unwell" doc:"The deployments that are degraded or failed, at most 500, by service."`
}

// Unwell is a deployment that should run well and does not.
type Unwell struct {
	Service     string    `json:"service"`
	Owner       string    `json:"owner"`
	Environment string    `json:"environment"`
	State       string    `json:"state"`
	Why         string    `json:"why,omitempty"`
	Since       time.Time `json:"since,omitzero" doc:"When the state was stored; a shortfall may be younger."`
}

// LookAtAll judges each service in each of its environments, or, where env is
// given, in that one alone: then Services counts those that are in it.
func LookAtAll(ctx context.Context, r object.Reader, w Watcher, env string) (Survey, error) {
	all := Survey{States: map[string]int{}, Unwell: []Unwell{}}
	if env != "" {
		if _, err := object.Get[Environment](ctx, r, env); err != nil {
			return all, err
		}
	}
	services, err := object.All[Service](ctx, r, object.Query{Limit: 1000})
	if err != nil {
		return all, fmt.Errorf("read services: %w", err)
	}
	for _, s := range services {
		there := env == ""
		for _, at := range EnvironmentsOf(s) {
			if env != "" && at != env {
				continue
			}
			there = true
			now, err := Look(ctx, w, s, at)
			if err != nil {
				return all, err
			}
			all.States[now.State]++
			if (now.State == StateDegraded || now.State == StateFailed) && len(all.Unwell) < maxUnwell {
				all.Unwell = append(all.Unwell, Unwell{s.Metadata.Name, s.Metadata.Owner, at, now.State, now.Why(), s.Status.Environments[at].Since})
			}
		}
		if there {
			all.Services++
		}
	}
	return all, nil
}
