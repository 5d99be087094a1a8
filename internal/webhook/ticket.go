package webhook

import (
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/hosted"
)

// ticket is an issue of any host.
type ticket struct {
	id                       hosted.Item
	action                   string // what happened, in GitHub's words
	subject, title, link     string
	service                  string
	labels                   []string
	kind                     string // the ticketType that the host itself names, "" for none
	incident                 bool   // it is one by its type
	labelled                 string // the label that was just added
	resolution               string // of a closed one
	person                   string
	bot                      bool
	created, changed, closed moment
	there                    required
}

// ticketTypes maps labels as people write them to the kinds of tickets.
var ticketTypes = map[string]string{
	"question": "question", "how-to": "question", "support": "question", "help wanted": "question",
	"bug": "bug", "fault": "bug", "defect": "bug",
	"feature": "feature", "feature request": "feature", "feature-request": "feature", "enhancement": "feature",
	"access": "access", "access request": "access", "access-request": "access",
}

// ticket translates what happened to an issue: to a ticket, or, where it has
// the label incident or is one by its type, to an incident.
func (t *translator) ticket(k ticket) (Translation, error) {
	isIncident := k.incident || slices.ContainsFunc(k.labels, func(l string) bool { return strings.EqualFold(l, incidentLabel) })
	if isIncident {
		return t.issueIncident(k)
	}
	f := fact{subject: k.subject, service: k.service, person: k.person, bot: k.bot}
	content := map[string]any{"summary": clip(k.title, maxText), "uri": k.link, "labels": clipped(k.labels)}
	if kind := k.ticketType(); kind != "" {
		content["ticketType"] = kind
	}
	if len(k.labels) == 0 {
		delete(content, "labels")
	}
	f.content = content
	switch k.action {
	case "opened":
		f.kind, f.at, f.id = typeTicketCreated, k.created.Time, k.id.Once("ticket")
		content["creator"] = unknown
		if k.person != "" {
			content["creator"] = t.spec.Sender + "/" + clip(k.person, 100)
		}
	case "closed":
		f.kind, f.at, content["resolution"] = typeTicketClosed, either(k.closed, k.changed), k.resolution
		f.id = k.id.At("closed", f.at)
	case "edited", "reopened", "labeled", "unlabeled", "assigned", "unassigned", "milestoned", "demilestoned", "typed", "untyped":
		f.kind, f.at = typeTicketUpdated, k.changed.Time
		f.id = k.id.Once("updated/" + t.digest())
	default:
		return ignored("action %q of an issue is none that is kept", k.action)
	}
	k.there["the time of the issue"] = !f.at.IsZero()
	return t.events(k.there, f)
}

// issueIncident translates an issue that is an incident. What is told of its
// begin is the same whether it was opened as one or labelled later.
func (t *translator) issueIncident(k ticket) (Translation, error) {
	env := t.spec.Mapping.Environment
	f := fact{
		subject: k.subject, service: k.service, environment: env, content: incident(k.title, k.service, env),
		custom: map[string]any{"uri": k.link},
	}
	switch {
	case k.action == "opened" || k.action == "labeled" && strings.EqualFold(k.labelled, incidentLabel):
		f.kind, f.at, f.id = typeIncidentReported, k.created.Time, k.id.Once("reported")
		f.content["ticketURI"] = k.link
	case k.action == "closed":
		f.kind, f.at = typeIncidentResolved, either(k.closed, k.changed)
		f.id = k.id.At("resolved", f.at)
	case k.action == "reopened":
		f.kind, f.at = typeIncidentDetected, k.changed.Time
		f.id = k.id.At("reopened", f.at)
	default:
		return ignored("action %q of an incident neither begins nor ends it", k.action)
	}
	k.there["the time of the issue"] = !f.at.IsZero()
	return t.events(k.there, f)
}

func (k ticket) ticketType() string {
	if k.kind != "" {
		return k.kind
	}
	for _, l := range k.labels {
		if kind := ticketTypes[strings.ToLower(strings.TrimSpace(l))]; kind != "" {
			return kind
		}
	}
	return ""
}

// clipped bounds a list of labels.
func clipped(labels []string) []string {
	out := make([]string, 0, min(len(labels), 50))
	for _, l := range labels[:cap(out)] {
		out = append(out, clip(l, 100))
	}
	return out
}
