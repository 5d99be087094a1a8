package webhook

// pagerdutyBody is what is read of PagerDuty's webhooks, version 3.
type pagerdutyBody struct {
	Event struct {
		ID         string `json:"id"`
		Type       string `json:"event_type"`
		OccurredAt moment `json:"occurred_at"`
		Data       struct {
			ID      string `json:"id"`
			Title   string `json:"title"`
			HTMLURL string `json:"html_url"`
			Urgency string `json:"urgency"`
			Service struct {
				ID      string `json:"id"`
				Summary string `json:"summary"`
			} `json:"service"`
			Priority *struct {
				Summary string `json:"summary"`
			} `json:"priority"`
		} `json:"data"`
	} `json:"event"`
}

func (t *translator) pagerduty() (Translation, error) {
	var kind struct {
		Event struct {
			Type string `json:"event_type"`
		} `json:"event"`
	}
	if err := t.decode(&kind); err != nil {
		return Translation{}, err
	}
	to, kept := map[string]string{
		"incident.triggered":    typeIncidentDetected,
		"incident.acknowledged": typeIncidentReported,
		"incident.resolved":     typeIncidentResolved,
		"incident.reopened":     typeIncidentDetected, // it goes on until it is resolved again
	}[kind.Event.Type]
	switch {
	case kind.Event.Type == "pagey.ping":
		return Translation{}, nil
	case kind.Event.Type == "":
		return t.events(required{"event.event_type": false})
	case !kept:
		return ignored("event type %s is none that is kept", kind.Event.Type)
	}
	var b pagerdutyBody
	if err := t.decode(&b); err != nil {
		return Translation{}, err
	}
	e, d := b.Event, b.Event.Data
	service := t.spec.Mapping.service(d.Service.Summary, d.Service.ID, d.Service.Summary)
	env := t.spec.Mapping.environment("", d.Service.ID, d.Service.Summary)
	custom := map[string]any{"uri": address(d.HTMLURL), "urgency": clip(d.Urgency, 100)}
	if d.Priority != nil {
		custom["priority"] = clip(d.Priority.Summary, 100)
	}
	f := fact{
		kind: to, id: e.ID, subject: d.ID, at: e.OccurredAt.Time, service: service, environment: env,
		content: incident(d.Title, service, env), custom: said(custom),
	}
	there := required{"event.id": e.ID != "", "event.occurred_at": !e.OccurredAt.IsZero(), "event.data.id": d.ID != ""}
	if to == typeIncidentReported {
		// That somebody has seen it is the nearest that CDEvents has a word for.
		f.content["ticketURI"], there["event.data.html_url"] = address(d.HTMLURL), address(d.HTMLURL) != ""
	}
	return t.events(there, f)
}
