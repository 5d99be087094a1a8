package webhook

import (
	"strings"
	"time"
)

// argoBody is what the template in docs/webhooks.md sends: Argo CD has no
// payload of its own.
type argoBody struct {
	App         string            `json:"app"`
	Labels      map[string]string `json:"labels"`
	Project     string            `json:"project"`
	Namespace   string            `json:"namespace"`
	Cluster     string            `json:"cluster"`
	Repository  string            `json:"repository"`
	Revision    string            `json:"revision"`
	CommitTime  moment            `json:"commitTime"`
	Phase       string            `json:"phase"`
	Message     string            `json:"message"`
	FinishedAt  moment            `json:"finishedAt"`
	Health      string            `json:"health"`
	Application string            `json:"url"`
	At          moment            `json:"at"`
}

// Labels of an Application that say what it is here.
const (
	argoServiceLabel     = "stoa.dev/service"
	argoEnvironmentLabel = "stoa.dev/environment"
)

// settling is how long after a sync bad health still is the deployment's: ten
// minutes are Kubernetes' own for a rollout that makes no progress, and some
// have longer ones. Later it is an incident.
const settling = time.Hour

// argocd translates what an application is after a sync. A sync that succeeded
// is a deployment once the application is healthy; bad health soon after a sync
// means that the deployment failed, while what ran before mostly still serves.
func (t *translator) argocd() (Translation, error) {
	var b argoBody
	if err := t.decode(&b); err != nil {
		return Translation{}, err
	}
	m := t.spec.Mapping
	service := m.service(firstOf(b.Labels[argoServiceLabel], b.App), b.App)
	env := m.environment(firstOf(b.Labels[argoEnvironmentLabel], b.Namespace), b.App, b.Labels[argoEnvironmentLabel], b.Namespace, b.Cluster, b.Project)
	operation := b.App + "/" + b.Revision + "/" + b.FinishedAt.text()
	there := required{"app": b.App != "", "revision": b.Revision != "", "finishedAt": !b.FinishedAt.IsZero(), "phase": b.Phase != "", "at": !b.At.IsZero()}
	f := fact{
		at: b.FinishedAt.Time, service: service, environment: env,
		custom: said(map[string]any{"release": operation, "commit": b.Revision, "commitTime": b.CommitTime.text(), "repository": clip(b.Repository, maxText)}),
	}
	link := address(b.Application)
	switch {
	case b.Phase == "Failed" || b.Phase == "Error":
		outcome := map[string]string{"Failed": outcomeFailure, "Error": outcomeError}[b.Phase]
		f.id = "sync/" + operation + "/" + strings.ToLower(b.Phase)
		return t.events(there, failedDeployment(f, "sync/"+operation, outcome, link, b.Message))
	case b.Phase == "Succeeded" && b.Health == "Healthy":
		f.id = "deployed/" + operation
		out, err := t.events(there, deployment(f, purl("generic", b.App, b.Revision), false))
		out.Recovered = &Recovery{Service: service, Environment: env, At: b.At.Time}
		return out, err
	case b.Phase == "Succeeded" && b.Health == "Degraded" && b.At.Sub(b.FinishedAt.Time) <= settling:
		f.id = "degraded/" + operation
		return t.events(there, failedDeployment(f, "sync/"+operation, outcomeFailure, link, "the application is degraded after the sync"))
	case b.Phase == "Succeeded" && b.Health == "Degraded":
		f.kind, f.subject, f.at = typeIncidentDetected, b.App+"/"+b.At.text(), b.At.Time
		f.id = "incident/" + f.subject
		f.content = incident("application "+b.App+" is degraded", service, env)
		return t.events(there, f)
	case b.Phase == "":
		return t.events(there)
	}
	return ignored("phase %s with health %s says neither that something was deployed nor that it failed", b.Phase, b.Health)
}
