package webhook

import (
	"fmt"
	"strings"
)

// alert is one alert of Alertmanager's payload, version 4.
type alert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	StartsAt     moment            `json:"startsAt"`
	EndsAt       moment            `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// alertmanager translates a group of alerts. Alertmanager tells of an alert
// again and again while it fires, with annotations that change with the value;
// so events are made of what stays: labels and the time of the start.
func (t *translator) alertmanager() (Translation, error) {
	var b struct {
		Version string  `json:"version"`
		Alerts  []alert `json:"alerts"`
	}
	if err := t.decode(&b); err != nil {
		return Translation{}, err
	}
	if b.Version != "4" {
		return ignored("version %q of the payload is not known, only 4", b.Version)
	}
	there := required{"alerts": len(b.Alerts) > 0}
	var facts []fact
	for i, a := range b.Alerts {
		at := fmt.Sprintf("alerts[%d].", i)
		for field, ok := range (required{
			"fingerprint": a.Fingerprint != "", "labels.alertname": a.Labels["alertname"] != "", "startsAt": !a.StartsAt.IsZero(),
			"status": a.Status == "firing" || a.Status == "resolved",
		}) {
			if !ok { // a list of thousands would say no more
				there[at+field] = false
			}
		}
		if len(there) > 20 {
			break
		}
		facts = append(facts, t.alert(a)...)
	}
	return t.events(there, facts...)
}

func (t *translator) alert(a alert) []fact {
	l, m := a.Labels, t.spec.Mapping
	service := m.service(l["service"], l["service"], l["app_kubernetes_io_name"], l["app"], l["job"], l["namespace"])
	name := firstOf(l["environment"], l["env"])
	env := m.environment(name, name, l["namespace"], l["cluster"])
	id := a.Fingerprint + "/" + a.StartsAt.text()
	f := fact{
		subject: id, service: service, environment: env, team: slug(l["team"]),
		custom: said(map[string]any{"alert": clip(l["alertname"], maxText), "severity": clip(l["severity"], 100), "fingerprint": a.Fingerprint,
			"namespace": clip(l["namespace"], 100), "rule": address(a.GeneratorURL)}),
	}
	f.content = incident(l["alertname"], service, env)
	if a.Status == "resolved" {
		if !isIncident(l["severity"]) {
			return nil
		}
		f.kind, f.at = typeIncidentResolved, either(a.EndsAt, a.StartsAt)
		f.id = id + "/resolved/" + moment{f.at}.text()
		return []fact{f}
	}
	received := f
	received.kind, received.id, received.at, received.content = typeAlertReceived, id+"/received", a.StartsAt.Time, nil
	if !isIncident(l["severity"]) {
		return []fact{received}
	}
	f.kind, f.id, f.at = typeIncidentDetected, id+"/detected", a.StartsAt.Time
	return []fact{f, received}
}

// isIncident leaves out alerts that say of themselves that nothing is wrong,
// such as one that always fires to show that alerting works.
func isIncident(severity string) bool {
	switch strings.ToLower(severity) {
	case "none", "info", "informational":
		return false
	}
	return true
}
