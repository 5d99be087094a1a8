// Package eventtest holds tests of events against what others specify: whether
// an event is what the CDEvents project says its type is, by that project's own
// library and schemas.
package eventtest

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/cdevents/sdk-go/pkg/api"
	cdevents "github.com/cdevents/sdk-go/pkg/api/v05"

	"github.com/stoa-platform/stoa/internal/event"
)

// CDEvent fails the test unless the event is a valid CDEvent of the version that
// Stoa writes, and says the same in its envelope as in its payload.
func CDEvent(t testing.TB, ev event.Event) {
	t.Helper()
	if err := checkCDEvent(ev); err != "" {
		t.Errorf("%s is no valid CDEvent: %s\n%s", ev.Type, err, ev.Data)
	}
}

func checkCDEvent(ev event.Event) string {
	read, err := cdevents.NewFromJsonBytes(ev.Data)
	if err != nil {
		return err.Error()
	}
	_, schema, err := read.GetSchema()
	if err != nil {
		return err.Error()
	}
	// The library drops fields that it does not know when it reads, so the schema
	// is held against the bytes as they are.
	var raw any
	if err := json.Unmarshal(ev.Data, &raw); err != nil {
		return err.Error()
	}
	if err := schema.Validate(raw); err != nil {
		return err.Error()
	}
	// The library demands a package URL of an incident even where there is none,
	// which its schema leaves open: it gets one for its own rules alone.
	if incident, ok := read.(interface{ SetSubjectArtifactId(string) }); ok && !bytes.Contains(ev.Data, []byte(`"artifactId"`)) {
		incident.SetSubjectArtifactId("pkg:generic/none")
	}
	if err := api.Validate(read); err != nil {
		return err.Error()
	}
	switch {
	case read.GetVersion() != event.CDEventsVersion:
		return "its version is " + read.GetVersion()
	case read.GetId() != ev.ID || read.GetSource() != ev.Source || read.GetType().String() != ev.Type:
		return "its envelope says " + ev.ID + " " + ev.Source + " " + ev.Type
	case !read.GetTimestamp().Equal(ev.Time):
		return "its envelope says " + ev.Time.String()
	}
	return ""
}
