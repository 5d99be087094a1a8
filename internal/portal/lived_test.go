package portal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/measure"
)

// lived is a platform with an organisation whose history was posted through the
// API: enough for the pages of the platform team to say something.
func lived(t *testing.T) *site {
	t.Helper()
	inhabited.once.Do(func() {
		data, err := os.MkdirTemp("", "stoa-portal-lived-")
		if err != nil {
			inhabited.err = err
			return
		}
		if inhabited.site, inhabited.err = start(data); inhabited.err == nil {
			inhabited.err = inhabited.site.live(context.Background())
		}
	})
	if inhabited.err != nil {
		t.Fatalf("let an organisation live: %v", inhabited.err)
	}
	return inhabited.site
}

var inhabited struct {
	once sync.Once
	site *site
	err  error
}

// organisation is led by somebody else than admin, whose looks at the pages would
// be uses by these teams.
const organisation = `
{apiVersion: stoa.dev/v1, kind: User, metadata: {name: lead}, spec: {role: viewer}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: alpha, labels: {segment: web, stoa.dev/simulated: "true"}}, spec: {owners: [lead], contact: "#alpha"}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: beta, labels: {segment: web}}, spec: {owners: [lead]}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: gamma, labels: {segment: data, wave: pilot}}, spec: {owners: [lead]}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: delta, labels: {segment: data, wave: pilot}}, spec: {owners: [lead]}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: epsilon, labels: {segment: data}}, spec: {owners: [lead]}}
---
{apiVersion: stoa.dev/v1, kind: Policy, metadata: {name: no-latest}, spec: {require: "true", message: the tag is latest}}
---
{apiVersion: stoa.dev/v1, kind: Exception, metadata: {name: soon-over}, spec: {gate: policy/no-latest, target: team/beta, reason: the old pipeline, approvers: [admin], sunset: SOON}}
`

// history gathers events of the past, in days before now.
type history struct {
	now    time.Time
	events []map[string]any
}

func (h *history) add(daysAgo float64, kind string, fields map[string]any) {
	e := map[string]any{"specversion": "1.0", "id": fmt.Sprintf("e%04d", len(h.events)), "source": "https://past.example.com/history", "type": kind,
		"time": h.now.Add(-time.Duration(daysAgo * float64(24*time.Hour))).Format(time.RFC3339)}
	for k, v := range fields {
		e[k] = v
	}
	if data, ok := e["data"].(map[string]any); ok {
		data["context"] = map[string]any{"specversion": "0.5.1", "id": e["id"], "source": e["source"], "type": kind, "timestamp": e["time"]}
	}
	h.events = append(h.events, e)
}

// uses says that so many people of a team used a capability on a day.
func (h *history) uses(daysAgo float64, team, capability string, people int) {
	for n := range people {
		h.add(daysAgo, "dev.stoa.usage.recorded", map[string]any{"actor": fmt.Sprintf("user/%s-%d", team, n), "team": team, "capability": capability, "surface": "cli", "count": "2"})
	}
}

func (h *history) deploys(daysAgo float64, team, service, cause string, onPath bool, lead time.Duration) {
	kind := map[string]string{"rollback": "rolledback"}[cause]
	if kind == "" {
		kind = "upgraded"
	}
	at := h.now.Add(-time.Duration(daysAgo * float64(24*time.Hour)))
	fields := map[string]any{"subject": "service/" + service, "team": team, "service": service, "environment": "production", "data": map[string]any{
		"subject": map[string]any{"id": service, "content": map[string]any{"environment": map[string]any{"id": "production"}, "artifactId": "pkg:generic/" + service}},
		"customData": map[string]any{"release": fmt.Sprintf("%s-%g", service, daysAgo), "cause": cause, "commit": fmt.Sprintf("%040x", len(h.events)+1),
			"commitTime": at.Add(-lead).Format(time.RFC3339)},
	}}
	if onPath {
		fields["capability"] = "deploy"
	}
	h.add(daysAgo, "dev.cdevents.service."+kind+".0.3.0", fields)
}

func (h *history) breaks(daysAgo, hours float64, team, service, id string) {
	for _, e := range []struct {
		at   float64
		kind string
	}{{daysAgo, "detected"}, {daysAgo - hours/24, "resolved"}} {
		h.add(e.at, "dev.cdevents.incident."+e.kind+".0.3.0", map[string]any{"team": team, "service": service, "environment": "production", "data": map[string]any{
			"subject": map[string]any{"id": id, "content": map[string]any{"environment": map[string]any{"id": "production"}, "service": map[string]any{"id": service}}}}})
	}
}

// live posts the history of the organisation, and waits until it is counted.
func (s *site) live(ctx context.Context) error {
	h := &history{now: time.Now().UTC().Truncate(time.Second)}
	declared := strings.ReplaceAll(organisation, "SOON", h.now.Add(9*24*time.Hour).Format(time.RFC3339))
	if _, err := s.Apply(ctx, strings.NewReader(declared), "organisation.yaml", "an organisation", false); err != nil {
		return err
	}
	for n, team := range []string{"alpha", "beta", "gamma", "delta"} {
		began := float64(150 - 10*n)
		h.add(began, "dev.stoa.access.asked", map[string]any{"actor": "user/" + team + "-0", "team": team})
		h.add(began-1, "dev.stoa.access.granted", map[string]any{"actor": "user/" + team + "-0", "team": team})
	}
	for day := 148.0; day >= 1; day -= 3 { // alpha and gamma are on the path and at home
		h.deploys(day, "alpha", "shop", "", true, 2*time.Hour)
		h.uses(day, "alpha", "deploy", 4)
		h.uses(day-0.1, "alpha", "logs", 6)
	}
	for day := 120.0; day >= 1; day -= 6 {
		h.deploys(day, "gamma", "feed", "", true, 5*time.Hour)
		h.uses(day, "gamma", "deploy", 2)
		h.uses(day-0.5, "gamma", "logs", 1)
	}
	h.add(119, "dev.stoa.alert.received", map[string]any{"team": "alpha", "service": "shop"})
	for day := 90.0; day >= 1; day -= 4 { // beta deploys elsewhere
		h.deploys(day, "beta", "legacy", "", false, 40*time.Hour)
	}
	h.deploys(100, "delta", "lake", "", true, time.Hour) // delta deployed once, and never looked at a log
	h.uses(100, "delta", "deploy", 1)
	h.deploys(20.2, "alpha", "shop", "rollback", true, 0)
	h.breaks(9.8, 3, "beta", "legacy", "INC-1")
	h.breaks(50, 5, "delta", "lake", "INC-2") // long after its only deployment: nobody's
	h.add(12, "dev.stoa.gate.refused", map[string]any{"actor": "user/alpha-0", "team": "alpha", "service": "shop", "capability": "deploy", "gate": "quota/alpha"})
	h.add(11.5, "dev.stoa.gate.refused", map[string]any{"actor": "user/admin", "team": "platform", "gate": "quota/platform"})
	h.add(11, "dev.stoa.input.asked", map[string]any{"actor": "user/gamma-0", "team": "gamma", "capability": "deploy", "question": "health"})
	for n, day := range []float64{40, 30, 20} {
		h.add(day, "dev.cdevents.ticket.created.0.2.0", map[string]any{"actor": "user/alpha-0", "team": "alpha", "data": map[string]any{
			"subject": map[string]any{"id": fmt.Sprint("T-", n), "content": map[string]any{"ticketType": "question"}}}})
	}
	for len(h.events) > 0 {
		batch := h.events[:min(500, len(h.events))]
		h.events = h.events[len(batch):]
		body, err := json.Marshal(batch)
		if err != nil {
			return err
		}
		if _, err := s.Post(ctx, "application/cloudevents-batch+json", bytes.NewReader(body)); err != nil {
			return err
		}
	}
	return s.counted(ctx)
}

// counted waits until every summary holds what was posted: each is kept by a
// projector of its own, and the one that is first says nothing of the others.
func (s *site) counted(ctx context.Context) error {
	for deadline := time.Now().Add(patience); ; <-time.After(50 * time.Millisecond) {
		behind, err := s.behind(ctx)
		if err == nil && len(behind) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not all is counted: %q, %v", behind, err)
		}
	}
}

// behind are the metrics that tell how far a summary is behind the ledger, of those
// that are.
func (s *site) behind(ctx context.Context) ([]string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	lags := regexp.MustCompile(`(?m)^stoa_projection_lag_events\{.*$`).FindAllString(string(all), -1)
	if len(lags) == 0 {
		return nil, fmt.Errorf("/metrics tells of no summary: %s", res.Status)
	}
	return slices.DeleteFunc(lags, func(line string) bool { return strings.HasSuffix(line, " 0") }), nil
}

// past is the query for the time from so many days ago up to now.
func past(days int64) string {
	today := measure.Day(time.Now())
	return fmt.Sprintf("from=%s&to=%s", measure.Date(today-days+1).Format(time.DateOnly), measure.Date(today+1).Format(time.DateOnly))
}
