package webhook

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stoa-platform/stoa/internal/object"
)

// The CDEvents types that requests are translated to.
const (
	typeDeployed         = "dev.cdevents.service.deployed.0.3.0"
	typeRolledBack       = "dev.cdevents.service.rolledback.0.3.0"
	typePublished        = "dev.cdevents.service.published.0.3.0"
	typePipelineQueued   = "dev.cdevents.pipelinerun.queued.0.3.0"
	typePipelineStarted  = "dev.cdevents.pipelinerun.started.0.3.0"
	typePipelineFinished = "dev.cdevents.pipelinerun.finished.0.3.0"
	typeChangeCreated    = "dev.cdevents.change.created.0.4.0"
	typeChangeMerged     = "dev.cdevents.change.merged.0.3.0"
	typeChangeAbandoned  = "dev.cdevents.change.abandoned.0.3.0"
	typeIncidentDetected = "dev.cdevents.incident.detected.0.3.0"
	typeIncidentReported = "dev.cdevents.incident.reported.0.3.0"
	typeIncidentResolved = "dev.cdevents.incident.resolved.0.3.0"
	typeTicketCreated    = "dev.cdevents.ticket.created.0.2.0"
	typeTicketUpdated    = "dev.cdevents.ticket.updated.0.2.0"
	typeTicketClosed     = "dev.cdevents.ticket.closed.0.2.0"
	typeAlertReceived    = "dev.stoa.alert.received"
)

// The outcomes of a pipeline run that CDEvents knows.
const (
	outcomeSuccess = "success"
	outcomeFailure = "failure"
	outcomeError   = "error"
	outcomeCancel  = "cancel"
)

// unknown stands where CDEvents wants a name and the sender gave none. It is no
// name here, so nobody takes it for that of an environment.
const unknown = "(unknown)"

// incidentLabel makes an incident of an issue.
const incidentLabel = "incident"

// maxText bounds a title, in bytes.
const maxText = 500

// service gives what the sender's thing is called here: what the mapping has for
// the first of its keys, else its own name as names are written here.
func (m Mapping) service(name string, keys ...string) string {
	if to := lookup(m.Services, keys); to != "" {
		return to
	}
	return slug(name)
}

// environment is the same for environments, with the webhook's own where the
// sender names none.
func (m Mapping) environment(name string, keys ...string) string {
	if to := lookup(m.Environments, keys); to != "" {
		return to
	}
	return firstOf(slug(name), m.Environment)
}

// repository gives the service of a repository.
func (m Mapping) repository(full string) string { return m.service(path.Base(full), full) }

func firstOf(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}

func lookup(m map[string]string, names []string) string {
	for _, name := range names {
		if to, known := m[name]; known && name != "" {
			return to
		}
	}
	return ""
}

// slug writes a name as names are written here; "" when nothing of it can be.
func slug(name string) string { return object.SlugName(name) }

// reference is a CDEvents reference: an object with an id.
func reference(id string) map[string]any {
	if id == "" {
		id = unknown
	}
	return map[string]any{"id": id}
}

// incident is the content that the three events of an incident share.
func incident(description, service, environment string) map[string]any {
	content := map[string]any{"environment": reference(environment)}
	if description != "" {
		content["description"] = clip(description, maxText)
	}
	if service != "" {
		content["service"] = reference(service)
	}
	return content
}

// said leaves out what is empty.
func said(pairs map[string]any) map[string]any {
	for k, v := range pairs {
		if v == "" || v == nil {
			delete(pairs, k)
		}
	}
	return pairs
}

// clip cuts a text to at most n bytes, between characters.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// address gives an absolute address, "" for anything else: CDEvents takes no other.
func address(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(s) > 2000 {
		return ""
	}
	return u.String()
}

// purl names an artifact as a package URL.
func purl(kind, name, version string) string {
	parts := strings.Split(strings.Trim(name, "/"), "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	s := "pkg:" + kind + "/" + strings.Join(parts, "/")
	if version != "" {
		s += "@" + url.PathEscape(version)
	}
	return s
}

// moment is a time in any form that the senders write.
type moment struct{ time.Time }

// forms are those of RFC 3339 and of GitLab's older fields.
var forms = []string{time.RFC3339Nano, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST", "2006-01-02T15:04:05.999Z0700"}

func (m *moment) UnmarshalJSON(raw []byte) error {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	if text == nil || *text == "" {
		return nil
	}
	for _, form := range forms {
		if at, err := time.Parse(form, *text); err == nil {
			if at.Year() >= 1970 { // Alertmanager writes the year 1 for no time
				m.Time = at.UTC()
			}
			return nil
		}
	}
	return fmt.Errorf("%q is no time", clip(*text, 40))
}

// text gives the time as the events write it, "" for none.
func (m moment) text() string {
	if m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339Nano)
}

// either gives the first time that is there.
func either(times ...moment) time.Time {
	for _, m := range times {
		if !m.IsZero() {
			return m.Time
		}
	}
	return time.Time{}
}
