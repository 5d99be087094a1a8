package event

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
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
	said := cdeventsPayload(ev.Data)
	id, service, environment := said.id, said.service, said.environment
	switch subject {
	case "service":
		service = id
	case "environment":
		environment = id
	case "pipelinerun":
		service, environment = cmp.Or(service, said.customService), cmp.Or(environment, said.customEnvironment)
	}
	infer(ev, "service", &ev.Service, lastLabel(service))
	infer(ev, "environment", &ev.Environment, lastLabel(environment))
}

// cdeventsSaid is where a CDEvent's payload says that it belongs: the subject's
// id, and the ids of the service and the environment in its content and in what
// the sender added.
type cdeventsSaid struct {
	id, service, environment         string
	customService, customEnvironment string
}

// cdeventsPayload reads a payload, alike in 0.3, 0.4 and 0.5. What is not there,
// or not as it should be, is "".
func cdeventsPayload(data []byte) (said cdeventsSaid) {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	places := func(service, environment *string) error {
		return members(dec, func(name string) (err error) {
			switch name {
			case "service":
				*service, err = referenceOf(dec)
			case "environment":
				*environment, err = referenceOf(dec)
			default:
				err = dec.SkipValue()
			}
			return err
		})
	}
	_ = members(dec, func(name string) error {
		switch name {
		case "customData":
			return places(&said.customService, &said.customEnvironment)
		case "subject":
			return members(dec, func(name string) (err error) {
				switch name {
				case "id":
					said.id, err = textOf(dec)
				case "content":
					err = places(&said.service, &said.environment)
				default:
					err = dec.SkipValue()
				}
				return err
			})
		}
		return dec.SkipValue()
	})
	return said
}

// members calls each for the members of the object that comes next, which must
// take the value; any other value is skipped.
func members(dec *jsontext.Decoder, each func(name string) error) error {
	if dec.PeekKind() != '{' {
		return dec.SkipValue()
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err == nil {
			err = each(name.String())
		}
		if err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// textOf takes the next value, which is "" when it is no string.
func textOf(dec *jsontext.Decoder) (string, error) {
	if dec.PeekKind() != '"' {
		return "", dec.SkipValue()
	}
	token, err := dec.ReadToken()
	return token.String(), err
}

// referenceOf takes a reference: an object with an id, in old events its id alone.
func referenceOf(dec *jsontext.Decoder) (id string, err error) {
	if dec.PeekKind() == '"' {
		return textOf(dec)
	}
	err = members(dec, func(name string) (err error) {
		if name != "id" {
			return dec.SkipValue()
		}
		id, err = textOf(dec)
		return err
	})
	return id, err
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
