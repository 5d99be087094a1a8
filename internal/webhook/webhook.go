// Package webhook takes what other tools tell by their webhooks: GitHub, GitLab,
// Argo CD, Alertmanager and PagerDuty. It checks that the sender is who it says,
// translates what it tells into CDEvents, and hands them to the ledger's door.
//
// Translating is pure, and the ids of the events follow from what was sent: the
// same delivery again is a duplicate, however often and by whomever it comes.
package webhook

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"

	"github.com/stoa-platform/stoa/internal/object"
)

// WebhookSpec is a door for what one tool tells.
type WebhookSpec struct {
	// Sender says whose requests come here.
	Sender string `json:"sender" jsonschema:"required,enum=github,enum=gitlab,enum=argocd,enum=alertmanager,enum=pagerduty"`
	// Secret names the value that the sender signs with, or sends as its token.
	Secret SecretKey `json:"secret" jsonschema:"required"`
	// Source is the CloudEvents source of its events. By default it is that of the
	// repository's owner, such as https://github.com/acme, which is what stoa connect
	// gives the same facts; of other senders https://<sender>/<name>.
	Source string `json:"source,omitempty" jsonschema:"maxLength=500"`
	// Mapping says what the sender's names are called here.
	Mapping Mapping `json:"mapping,omitzero"`
}

// Kind names the kind.
func (WebhookSpec) Kind() string { return "Webhook" }

// SecretKey names one value of a Secret object.
type SecretKey struct {
	Name string `json:"name" jsonschema:"required,minLength=1"`
	Key  string `json:"key" jsonschema:"required,minLength=1"`
}

// Mapping says what the sender's names are called here. What it does not name
// keeps its own name, written as names are here: "acme/Shop" is shop.
type Mapping struct {
	// Services maps a repository, an application or a label to a service.
	Services map[string]string `json:"services,omitempty"`
	// Environments maps an environment, a namespace or a cluster to an environment.
	Environments map[string]string `json:"environments,omitempty"`
	// Environment is that of incidents whose sender names none.
	Environment string `json:"environment,omitempty"`
	// Team is that of events about no service whose team is known.
	Team string `json:"team,omitempty"`
}

// Webhook is a door for what one tool tells.
type Webhook = object.Typed[WebhookSpec, struct{}]

// The senders.
const (
	GitHub       = "github"
	GitLab       = "gitlab"
	ArgoCD       = "argocd"
	Alertmanager = "alertmanager"
	PagerDuty    = "pagerduty"
)

// Kind is the kind that this package owns. Its objects speak for every team, so
// they are the platform team's to write.
func Kind() object.Kind {
	return object.Kind{
		Name: "Webhook", Plural: "webhooks", About: "A door for what another tool tells by its webhooks: deployments, pipelines, changes, incidents, tickets.",
		Spec: WebhookSpec{}, Scope: object.ScopePlatform, Fields: []string{"spec.sender"},
		Default: fillSource, Validate: validate, References: references,
	}
}

func fillSource(o *object.Object) error {
	var w Webhook
	if w.From(*o) != nil || w.Spec.Source != "" || w.Spec.Sender == "" {
		return nil // the schema tells what is wrong
	}
	if w.Spec.Sender == GitHub || w.Spec.Sender == GitLab {
		return nil // it follows from each request
	}
	w.Spec.Source = "https://" + w.Spec.Sender + "/" + o.Metadata.Name
	raw, err := json.Marshal(w.Spec)
	if err != nil {
		return fmt.Errorf("encode spec of %s: %w", w.Ref(), err)
	}
	o.Spec = raw
	return nil
}

// label is how services, environments and teams are named.
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func validate(o object.Object) []object.Issue {
	var w Webhook
	if w.From(o) != nil {
		return nil
	}
	var issues []object.Issue
	if u, err := url.Parse(w.Spec.Source); w.Spec.Source != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
		issues = append(issues, object.Issue{Path: "spec.source", Message: "must be an absolute address such as https://github.com/acme"})
	}
	names := func(path string, m map[string]string) {
		for _, from := range slices.Sorted(maps.Keys(m)) {
			if !label.MatchString(m[from]) {
				issues = append(issues, object.Issue{Path: path + "." + from, Message: fmt.Sprintf("%q is no name: small letters, digits and -, at most 63", m[from])})
			}
		}
	}
	names("spec.mapping.services", w.Spec.Mapping.Services)
	names("spec.mapping.environments", w.Spec.Mapping.Environments)
	if env := w.Spec.Mapping.Environment; env != "" && !label.MatchString(env) {
		issues = append(issues, object.Issue{Path: "spec.mapping.environment", Message: fmt.Sprintf("%q is no name: small letters, digits and -, at most 63", env)})
	}
	return issues
}

func references(o object.Object) []object.Reference {
	var w Webhook
	if w.From(o) != nil {
		return nil
	}
	refs := []object.Reference{{Path: "spec.secret.name", Ref: object.Ref{Kind: "Secret", Name: w.Spec.Secret.Name}}}
	if team := w.Spec.Mapping.Team; team != "" {
		refs = append(refs, object.Reference{Path: "spec.mapping.team", Ref: object.Ref{Kind: "Team", Name: team}})
	}
	return refs
}
