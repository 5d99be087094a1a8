package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Limits of what comes in at once.
const (
	MaxEventBytes = 1 << 20 // one event with its payload
	MaxBatch      = 1000    // events
	MaxBodyBytes  = 16 << 20
)

// Media types of CloudEvents over HTTP.
const (
	MediaEvent = "application/cloudevents+json"
	MediaBatch = "application/cloudevents-batch+json"
)

// ParseHTTP reads the events of a request in any of the three modes of
// CloudEvents 1.0: binary, structured, batched. Anything that is not exactly
// right is a problem that names the event by its index, and the field.
func ParseHTTP(header http.Header, body io.Reader) ([]Event, error) {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil && header.Get("Content-Type") != "" {
		return nil, invalid(-1, "Content-Type", "is malformed: %v", err)
	}
	limit := int64(MaxEventBytes)
	if strings.HasPrefix(media, "application/cloudevents-batch") {
		limit = MaxBodyBytes
	}
	raw, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	if int64(len(raw)) > limit {
		return nil, problem.New(problem.TooLarge, "more than %d MiB in one request", limit>>20).
			Do("send at most 1 MiB an event, and 1000 events or 16 MiB a batch")
	}
	var one Event
	switch {
	case media == MediaBatch:
		return ParseBatch(raw)
	case media == MediaEvent:
		one, err = parseEvent(raw, -1)
	case strings.HasPrefix(media, "application/cloudevents"):
		return nil, invalid(-1, "Content-Type", "%q is not supported", media).Do("send " + MediaEvent + " or " + MediaBatch)
	case header.Get("Ce-Specversion") != "":
		one, err = parseBinary(header, raw)
	default:
		return nil, problem.New(problem.Invalid, "this is no CloudEvent: neither Content-Type %q nor a ce-specversion header says so", media).
			Do("send " + MediaEvent + ", " + MediaBatch + ", or the attributes as ce-* headers").
			WithFields(problem.Field{Path: "Content-Type", Message: "is not a CloudEvents media type"})
	}
	if err != nil {
		return nil, err
	}
	return []Event{one}, nil
}

// ParseEvent reads one event in the JSON format.
func ParseEvent(raw []byte) (Event, error) { return parseEvent(raw, -1) }

// ParseBatch reads a JSON array of events.
func ParseBatch(raw []byte) ([]Event, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(raw))
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '[' {
		return nil, invalid(-1, "", "the body is no JSON array of events")
	}
	events := []Event{}
	for dec.PeekKind() != ']' {
		if len(events) == MaxBatch {
			return nil, problem.New(problem.TooLarge, "more than %d events in one batch", MaxBatch).Do("split the batch")
		}
		value, err := dec.ReadValue()
		if err != nil {
			return nil, invalid(len(events), "", "%s", jsonFault(err))
		}
		ev, err := parseEvent(value, len(events))
		if err != nil {
			return nil, err
		}
		events = append(events, ev)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, invalid(-1, "", "%s", jsonFault(err))
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, invalid(-1, "", "something follows the array")
	}
	return events, nil
}

// invalid is the problem of one field of one event, which is counted from 0 here
// and from 1 in what is told; index -1 is the only event.
func invalid(index int, field, format string, args ...any) *problem.Problem {
	f := problem.Field{Path: field, Message: fmt.Sprintf(format, args...)}
	title := "the event is invalid"
	if index >= 0 {
		title = eventName(index) + " of the batch is invalid: none was taken"
		f.Source = eventName(index)
	}
	return problem.New(problem.Invalid, "%s", title).WithFields(f)
}

func jsonFault(err error) string {
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return fmt.Sprintf("not valid JSON at byte %d: %v", syntactic.ByteOffset, syntactic.Err)
	}
	return "not valid JSON: " + err.Error()
}

// attributes collects what both forms of an event give, before it is judged.
type attributes struct {
	index int
	text  map[string]string
	data  []byte // JSON, or any bytes if binary is set
	// binary says that data are bytes of the content type, not a JSON value.
	binary bool
}

func parseEvent(raw []byte, index int) (Event, error) {
	if len(raw) > MaxEventBytes {
		return Event{}, problem.New(problem.TooLarge, "%s has %d bytes, at most %d are taken", eventName(index), len(raw), MaxEventBytes).
			Do("keep large payloads elsewhere and send their address")
	}
	a := attributes{index: index, text: map[string]string{}}
	dec := jsontext.NewDecoder(bytes.NewReader(raw)) // refuses duplicate names and broken UTF-8
	if token, err := dec.ReadToken(); err != nil {
		return Event{}, invalid(index, "", "%s", jsonFault(err))
	} else if token.Kind() != '{' {
		return Event{}, invalid(index, "", "is no JSON object")
	}
	var data, base64Data []byte
	for dec.PeekKind() != '}' {
		token, err := dec.ReadToken()
		if err != nil {
			return Event{}, invalid(index, "", "%s", jsonFault(err))
		}
		name := token.String()
		value, err := dec.ReadValue()
		if err != nil {
			return Event{}, invalid(index, name, "%s", jsonFault(err))
		}
		switch {
		case value.Kind() == 'n': // null is the same as absent
		case name == "data":
			data = bytes.Clone(value)
		case name == "data_base64":
			base64Data = bytes.Clone(value)
		default:
			text, err := attributeText(value)
			if err != nil {
				return Event{}, invalid(index, name, "%v", err)
			}
			a.text[name] = text
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return Event{}, invalid(index, "", "%s", jsonFault(err))
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return Event{}, invalid(index, "", "something follows the event")
	}
	switch {
	case data != nil && base64Data != nil:
		return Event{}, invalid(index, "data_base64", "must not stand beside data")
	case base64Data != nil:
		var text string
		if json.Unmarshal(base64Data, &text) != nil {
			return Event{}, invalid(index, "data_base64", "must be a string")
		}
		decoded, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return Event{}, invalid(index, "data_base64", "is no base64: %v", err)
		}
		a.data, a.binary = decoded, true
	case data != nil:
		a.data = data
		var text string
		if !jsonType(a.text["datacontenttype"]) && json.Unmarshal(data, &text) == nil {
			a.data, a.binary = []byte(text), true
		}
	}
	return a.event()
}

func parseBinary(header http.Header, body []byte) (Event, error) {
	a := attributes{index: -1, text: map[string]string{}, data: body, binary: true}
	for name, values := range header {
		name = strings.ToLower(name)
		attribute, ok := strings.CutPrefix(name, "ce-")
		if name == "content-type" {
			attribute, ok = "datacontenttype", true
		} else if attribute == "datacontenttype" {
			return Event{}, invalid(-1, name, "is said by Content-Type")
		}
		if !ok {
			continue
		}
		if len(values) != 1 {
			return Event{}, invalid(-1, name, "is given %d times", len(values))
		}
		value, err := url.PathUnescape(values[0])
		if err != nil || !utf8.ValidString(value) {
			return Event{}, invalid(-1, name, "is not percent-encoded UTF-8")
		}
		a.text[attribute] = value
	}
	return a.event()
}

// event judges the attributes.
func (a *attributes) event() (Event, error) {
	if version := a.take("specversion"); version != "1.0" {
		return Event{}, invalid(a.index, "specversion", "must be \"1.0\", is %q", version)
	}
	ev := Event{
		ID: a.take("id"), Source: a.take("source"), Type: a.take("type"), Subject: a.take("subject"), Actor: a.take("actor"), Team: a.take("team"),
		Service: a.take("service"), Capability: a.take("capability"), Environment: a.take("environment"), DataContentType: a.take("datacontenttype"),
	}
	if at := a.take("time"); at != "" {
		var err error
		if ev.Time, err = time.Parse(time.RFC3339Nano, strings.ToUpper(at)); err != nil {
			return Event{}, invalid(a.index, "time", "%q is no RFC 3339 time", at)
		}
	}
	if len(a.text) > 0 {
		ev.Extensions = a.text
	}
	if err := a.setData(&ev); err != nil {
		return Event{}, err
	}
	if err := validate(ev, a.index); err != nil {
		return Event{}, err
	}
	return ev, nil
}

func (a *attributes) take(name string) string {
	value := a.text[name]
	delete(a.text, name)
	return value
}

// setData keeps JSON as it is and any other type as base64.
func (a *attributes) setData(ev *Event) error {
	if len(a.data) == 0 {
		return nil
	}
	if jsonType(ev.DataContentType) {
		if value := jsontext.Value(a.data); !value.IsValid() {
			return invalid(a.index, "data", "is not valid JSON, as its content type says")
		}
		if strings.HasPrefix(ev.DataContentType, "application/json") {
			ev.DataContentType = ""
		}
		ev.Data = a.data
		return nil
	}
	if !a.binary {
		return invalid(a.index, "data", "must be a string for content type %q", ev.DataContentType)
	}
	raw, err := json.Marshal(base64.StdEncoding.EncodeToString(a.data))
	if err != nil {
		return fmt.Errorf("encode data: %w", err)
	}
	ev.Data = raw
	return nil
}

// jsonType reports whether payloads of the content type are JSON; "" is JSON.
func jsonType(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return contentType == "" || (err == nil && (media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json")))
}

// attributeText gives an attribute's string form: CloudEvents' attributes are
// strings, booleans or 32-bit integers.
func attributeText(value jsontext.Value) (string, error) {
	switch value.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, value)
		return string(text), err
	case 't', 'f':
		return string(value), nil
	case '0':
		var n int32
		if err := json.Unmarshal(value, &n); err != nil {
			return "", fmt.Errorf("%s is no 32-bit integer", value)
		}
		return string(value), nil
	}
	return "", errors.New("must be a string, a boolean or an integer")
}

func eventName(index int) string {
	if index < 0 {
		return "the event"
	}
	return fmt.Sprintf("event %d", index+1)
}
