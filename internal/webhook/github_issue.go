package webhook

import (
	"strings"
)

type githubIssue struct {
	Number      int64  `json:"number"`
	Title       string `json:"title"`
	HTMLURL     string `json:"html_url"`
	StateReason string `json:"state_reason"`
	Labels      []struct {
		Name string `json:"name"`
	} `json:"labels"`
	Type struct {
		Name string `json:"name"`
	} `json:"type"`
	CreatedAt moment `json:"created_at"`
	UpdatedAt moment `json:"updated_at"`
	ClosedAt  moment `json:"closed_at"`
}

// githubResolutions are GitHub's reasons to close an issue.
var githubResolutions = map[string]string{"not_planned": "withdrawn", "duplicate": "duplicate"}

func (t *translator) githubIssue(b githubBody, there required) (Translation, error) {
	i := b.Issue
	k := ticket{
		id: t.host.Issue(i.Number), action: b.Action, subject: t.host.About("#", i.Number),
		title: i.Title, link: address(i.HTMLURL), service: t.spec.Mapping.repository(b.Repository.FullName),
		kind: ticketTypes[strings.ToLower(i.Type.Name)], incident: strings.EqualFold(i.Type.Name, incidentLabel),
		labelled: b.Label.Name, resolution: "completed", person: b.Sender.Login, bot: b.Sender.Type == "Bot",
		created: i.CreatedAt, changed: i.UpdatedAt, closed: i.ClosedAt,
	}
	if why := githubResolutions[i.StateReason]; why != "" {
		k.resolution = why
	}
	for _, l := range i.Labels {
		k.labels = append(k.labels, l.Name)
	}
	there.and(required{"issue.number": i.Number != 0, "issue.html_url": k.link != ""})
	k.there = there
	return t.ticket(k)
}
