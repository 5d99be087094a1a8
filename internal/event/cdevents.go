package event

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stoa-platform/stoa/internal/event/cdevents"
)

// cdeventsPrefix begins the types of the CDEvents project.
const cdeventsPrefix = "dev.cdevents."

// CDEventsVersion is the version of the CDEvents specification that Stoa writes.
const CDEventsVersion = "0.5.1"

// AsCDEvent gives the event the payload that the CDEvents specification asks of
// its type: subject is the id of what it is about, content what the type
// defines, custom what the sender adds. The event must have its source, type
// and time; without an id it gets a time-ordered one, since both the envelope
// and the payload name it.
func (e Event) AsCDEvent(subject string, content, custom map[string]any) (Event, error) {
	if e.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return Event{}, fmt.Errorf("make event id: %w", err)
		}
		e.ID = id.String()
	}
	e.Time = e.Time.UTC().Truncate(time.Microsecond) // as the ledger keeps it
	data := map[string]any{
		"context": map[string]any{
			"specversion": CDEventsVersion, "id": e.ID, "source": e.Source, "type": e.Type, "timestamp": e.Time.Format(time.RFC3339Nano),
		},
		"subject": map[string]any{"id": subject, "source": e.Source, "content": content},
	}
	if len(custom) > 0 {
		data["customData"], data["customDataContentType"] = custom, "application/json"
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return Event{}, fmt.Errorf("encode event %s about %s: %w", e.Type, subject, err)
	}
	e.Data = raw
	return e, nil
}

// ExtTicketType is the extension that says of what kind a ticket is, as CDEvents'
// ticketType does in the payload: it stays when that goes with the person whom it
// names.
const ExtTicketType = "tickettype"

// CDEvent takes a type such as "dev.cdevents.service.deployed.0.3.0" apart:
// "service", "deployed". ok is false for any other type.
func CDEvent(eventType string) (subject, predicate string, ok bool) {
	rest, ok := strings.CutPrefix(eventType, cdeventsPrefix)
	if !ok {
		return "", "", false
	}
	parts := strings.SplitN(rest, ".", 3)
	if len(parts) < 2 || parts[0] == "" || parts[1] == "" {
		return "", "", false
	}
	return parts[0], parts[1], true
}

// label is what may name a service or an environment.
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// inferDimensions fills service and environment of a CDEvent from its payload,
// where its sender did not give them as attributes. The content of a pipeline run
// has no place for them: there they stand in customData, under these names.
func inferDimensions(ev *Event) {
	subject, _, ok := CDEvent(ev.Type)
	if !ok || len(ev.Data) == 0 || ev.DataContentType != "" {
		return
	}
	said := cdevents.Read(ev.Data)
	id, service, environment := said.ID, said.Service, said.Environment
	switch subject {
	case "service":
		service = id
	case "environment":
		environment = id
	case "pipelinerun":
		service, environment = cmp.Or(service, said.CustomService), cmp.Or(environment, said.CustomEnvironment)
	}
	infer(ev, "service", &ev.Service, lastLabel(service))
	infer(ev, "environment", &ev.Environment, lastLabel(environment))
}

// infer fills a field that is empty and notes that it did.
func infer(ev *Event, name string, field *string, value string) {
	if *field == "" && value != "" {
		*field = value
		ev.Inferred = append(ev.Inferred, name)
	}
}

// lastLabel gives the name in an id such as "service/shop" or
// "cluster-1/prod/shop"; "" when that is no name.
func lastLabel(id string) string {
	if name := strings.ToLower(path.Base(id)); label.MatchString(name) {
		return name
	}
	return ""
}
