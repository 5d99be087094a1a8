package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/hosted"
	"github.com/stoa-platform/stoa/internal/problem"
)

// MaxBody is how much one request may carry, in bytes.
const MaxBody = 5 << 20

// Translation is what one request says in CDEvents' words.
type Translation struct {
	Events []event.Event
	// Ignored says why there are no events: the request tells of what is not kept.
	Ignored string
	// Recovered names what runs well again, for senders that tell that something
	// is well without naming what was wrong: it ends the open incidents of the
	// service that came from the same source.
	Recovered *Recovery
}

// Recovery says that a service runs well again since At.
type Recovery struct {
	Service     string
	Environment string
	At          time.Time
}

// Translate says in CDEvents' words what a request tells that is known to be
// the sender's. The same request gives the same events with the same ids. It
// returns problem.Invalid for a body that is not what the sender documents.
func Translate(spec WebhookSpec, header http.Header, body []byte) (Translation, error) {
	t := translator{spec: spec, header: header, body: body}
	switch spec.Sender {
	case GitHub:
		return t.github()
	case GitLab:
		return t.gitlab()
	case ArgoCD:
		return t.argocd()
	case Alertmanager:
		return t.alertmanager()
	case PagerDuty:
		return t.pagerduty()
	}
	return Translation{}, fmt.Errorf("translate webhook: there is no sender %q", spec.Sender)
}

// translator holds one request.
type translator struct {
	spec   WebhookSpec
	header http.Header
	body   []byte
	// host is the repository that a host of such tells of, page its address there.
	host hosted.Repository
	page string
}

// about notes the repository that the request is about, and gives what must be
// there to know it again, by the paths of its fields.
func (t *translator) about(host hosted.Repository, page, number, path, address string) required {
	t.host, t.page = host, page
	there := required{number: host.Number != 0, path: host.Path != ""}
	if host.Path != "" {
		there[address] = t.source() != ""
	}
	return there
}

// source is that of the events.
func (t *translator) source() string {
	if t.spec.Source != "" {
		return t.spec.Source
	}
	return hosted.Source(t.page, t.host.Path)
}

// decode reads the body. Fields that nobody asks for are passed over, since
// senders add some at any time.
func (t *translator) decode(into any) error {
	err := json.Unmarshal(t.body, into)
	if err == nil {
		return nil
	}
	told := problem.New(problem.Invalid, "this is not what %s documents: nothing was taken", t.spec.Sender)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return told.WithFields(problem.Field{Path: wrong.Field, Message: "is a " + wrong.Value + " where none belongs"}).Cause(err)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return told.Because("the body is not valid JSON: " + clip(err.Error(), 200)).Do("send application/json").Cause(err)
	}
	return told.Because(clip(err.Error(), 200)).Cause(err)
}

// ignored is the translation of what is not kept.
func ignored(format string, args ...any) (Translation, error) {
	return Translation{Ignored: clip(fmt.Sprintf(format, args...), 300)}, nil
}

// digest names the body where nothing in it does: for what may be told twice
// in one second with other words.
func (t *translator) digest() string {
	sum := sha256.Sum256(t.body)
	return hex.EncodeToString(sum[:8])
}

// fact is an event before it is written in CDEvents' words.
type fact struct {
	kind        string // the type
	id          string // unique within the sender: the same thing told again has it again
	subject     string // id of what it is about
	at          time.Time
	service     string
	environment string
	team        string
	person      string // who did it, as the sender calls them; "" is the sender itself
	bot         bool   // person is no person
	content     map[string]any
	custom      map[string]any
}

// required says of fields of the body, by their paths, whether they are there.
type required map[string]bool

// and adds more that must be there.
func (r required) and(more required) { maps.Copy(r, more) }

// events makes events of facts, once all that must be there is.
func (t *translator) events(there required, facts ...fact) (Translation, error) {
	told := problem.New(problem.Invalid, "this is not what %s documents: nothing was taken", t.spec.Sender)
	for _, field := range slices.Sorted(maps.Keys(there)) {
		if !there[field] {
			told.WithFields(problem.Field{Path: field, Message: "is missing or empty"})
		}
	}
	for _, f := range facts {
		if f.subject == "" && len(told.Fields) == 0 { // of a service whose name has no letter
			told.WithFields(problem.Field{Path: "the service's name", Message: "cannot be written as names are here: give it one in spec.mapping.services"})
		}
	}
	if len(told.Fields) > 0 {
		return Translation{}, told
	}
	var out Translation
	for _, f := range facts {
		ev, err := t.event(f)
		if err != nil {
			return Translation{}, err
		}
		out.Events = append(out.Events, ev)
	}
	return out, nil
}

func (t *translator) event(f fact) (event.Event, error) {
	ev := event.Event{
		ID: f.id, Source: t.source(), Type: f.kind, Subject: f.subject, Time: f.at.UTC().Truncate(time.Microsecond),
		Team: f.team, Service: f.service, Environment: f.environment,
	}
	if f.person != "" {
		ev.Actor = t.spec.Sender + "/" + clip(f.person, 100)
		ev.Names = []string{ev.Actor} // the payload names them too, and goes with them
	}
	ev.Extensions = map[string]string{}
	if f.person == "" || f.bot {
		ev.Extensions[event.ExtBot] = "true"
	}
	if kind, ok := f.content["ticketType"].(string); ok {
		ev.Extensions[event.ExtTicketType] = kind
	}
	if _, _, is := event.CDEvent(f.kind); is {
		return ev.AsCDEvent(f.subject, f.content, f.custom)
	}
	data, err := json.Marshal(f.custom)
	if err != nil {
		return event.Event{}, fmt.Errorf("encode event %s: %w", f.kind, err)
	}
	ev.Data = data
	return ev, nil
}
