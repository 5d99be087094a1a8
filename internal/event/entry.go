package event

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"
)

// saltSize is the length of a payload's salt in bytes: enough that the hash of
// an erased payload cannot be found by trying payloads.
const saltSize = 16

// Entry is an event made ready for the ledger: what is stored and what is hashed.
type Entry struct {
	Event // with pseudonyms
	// Key finds the event again by its source and id.
	Key      [16]byte
	Received time.Time // whole microseconds, UTC
	Poster   string
	// Envelope is everything of the event but its payload, as it is hashed.
	Envelope []byte
	// Salt and PayloadHash are nil and zero for an event without payload; else
	// PayloadHash is SHA-256 over salt and payload.
	Salt        []byte
	PayloadHash [32]byte
}

// envelope is the hashed form of an event. The order of its fields is part of
// the format: the bytes are kept, and never made again from the fields.
type envelope struct {
	ID              string            `json:"id"`
	Source          string            `json:"source"`
	Type            string            `json:"type"`
	Subject         string            `json:"subject,omitempty"`
	Time            string            `json:"time,omitempty"` // absent when the sender gave none
	Actor           string            `json:"actor,omitempty"`
	Team            string            `json:"team,omitempty"`
	Service         string            `json:"service,omitempty"`
	Capability      string            `json:"capability,omitempty"`
	Environment     string            `json:"environment,omitempty"`
	Names           []string          `json:"names,omitempty"`
	Inferred        []string          `json:"inferred,omitempty"`
	Extensions      map[string]string `json:"extensions,omitempty"`
	DataContentType string            `json:"datacontenttype,omitempty"`
	Received        string            `json:"received,omitempty"`
	Poster          string            `json:"poster,omitempty"`
}

// timeFormat has microseconds, the precision of the ledger.
const timeFormat = "2006-01-02T15:04:05.999999Z"

// Prepare makes an entry of an event whose principals are pseudonyms already.
// An event without an id gets a time-ordered one.
func Prepare(ev Event, poster string, received time.Time) (Entry, error) {
	if ev.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return Entry{}, fmt.Errorf("make event id: %w", err)
		}
		ev.ID = id.String()
	}
	e := Entry{Event: ev, Key: KeyOf(ev.Source, ev.ID), Received: received.UTC().Truncate(time.Microsecond), Poster: poster}
	if !ev.Time.IsZero() {
		e.Time = ev.Time.UTC().Truncate(time.Microsecond)
	}
	if len(ev.Data) > 0 {
		var compact bytes.Buffer
		if err := json.Compact(&compact, ev.Data); err != nil {
			return Entry{}, fmt.Errorf("encode event %s of %s: data is not JSON: %w", ev.ID, ev.Source, err)
		}
		e.Data = compact.Bytes()
		e.Salt = make([]byte, saltSize)
		_, _ = rand.Read(e.Salt) // never fails
		e.PayloadHash = payloadHash(e.Salt, e.Data)
	}
	env := envelopeOf(e.Event)
	env.Received, env.Poster = e.Received.Format(timeFormat), poster
	e.Envelope = env.encode()
	return e, nil
}

// encode writes the envelope as compact JSON, without what is empty. Broken
// UTF-8 becomes the replacement character.
func (e *envelope) encode() []byte {
	raw := make([]byte, 0, 512)
	put := func(name, value string) {
		raw = append(append(append(raw, ',', '"'), name...), '"', ':')
		raw, _ = jsontext.AppendQuote(raw, value)
	}
	text := func(name, value string) {
		if value != "" {
			put(name, value)
		}
	}
	list := func(name string, values []string) {
		if len(values) == 0 {
			return
		}
		raw = append(append(append(raw, ',', '"'), name...), '"', ':')
		for i, value := range values {
			raw = append(raw, "[,"[min(i, 1)])
			raw, _ = jsontext.AppendQuote(raw, value)
		}
		raw = append(raw, ']')
	}
	put("id", e.ID)
	put("source", e.Source)
	put("type", e.Type)
	text("subject", e.Subject)
	text("time", e.Time)
	text("actor", e.Actor)
	text("team", e.Team)
	text("service", e.Service)
	text("capability", e.Capability)
	text("environment", e.Environment)
	list("names", e.Names)
	list("inferred", e.Inferred)
	if len(e.Extensions) > 0 {
		raw = append(raw, `,"extensions":`...)
		at := len(raw)
		for _, name := range slices.Sorted(maps.Keys(e.Extensions)) {
			put(name, e.Extensions[name])
		}
		raw[at] = '{'
		raw = append(raw, '}')
	}
	text("datacontenttype", e.DataContentType)
	text("received", e.Received)
	text("poster", e.Poster)
	raw[0] = '{'
	return append(raw, '}')
}

// At is the event's time, or when it was received if its sender gave none.
func (e *Entry) At() time.Time {
	if e.Time.IsZero() {
		return e.Received
	}
	return e.Time
}

// Same reports whether both entries say the same under their id: all that the
// sender gave, not when it came or what Stoa filled in. A payload that was
// erased is taken as the same.
func (e *Entry) Same(stored Record) bool {
	if stored.Erased {
		stored.Data = e.Data
	}
	return bytes.Equal(said(e.Event), said(stored.Event)) && bytes.Equal(e.Data, stored.Data)
}

// Retold reports whether another principal that may speak for the source told of
// the same fact before, in words of its own: a webhook tells of a deployment at
// once, and who reads the history behind it tells of it later and knows more. The
// first word stands, and the second is no conflict. Whoever says something else
// than before under an id of its own contradicts itself, which is one, and so do
// two that name different services or environments.
func (e *Entry) Retold(stored Record) bool {
	now, _, isNow := CDEvent(e.Type)
	before, _, isBefore := CDEvent(stored.Type)
	agree := func(a, b string) bool { return a == "" || b == "" || a == b }
	return stored.Poster != "" && stored.Poster != e.Poster && isNow && isBefore && now == before &&
		agree(e.Service, stored.Service) && agree(e.Environment, stored.Environment)
}

// said encodes what the sender gave.
func said(ev Event) []byte {
	env := envelopeOf(ev)
	for _, field := range ev.Inferred {
		switch field {
		case "team":
			env.Team = ""
		case "service":
			env.Service = ""
		case "capability":
			env.Capability = ""
		case "environment":
			env.Environment = ""
		case "actor":
			env.Actor = ""
		case ExtBot:
			env.Extensions = maps.Clone(env.Extensions)
			delete(env.Extensions, ExtBot)
		}
	}
	env.Inferred = nil
	raw, _ := json.Marshal(env) // strings only: it cannot fail
	return raw
}

func envelopeOf(ev Event) envelope {
	env := envelope{
		ID: ev.ID, Source: ev.Source, Type: ev.Type, Subject: ev.Subject,
		Actor: ev.Actor, Team: ev.Team, Service: ev.Service, Capability: ev.Capability, Environment: ev.Environment,
		Names: ev.Names, Inferred: ev.Inferred, Extensions: ev.Extensions, DataContentType: ev.DataContentType,
	}
	if !ev.Time.IsZero() {
		env.Time = ev.Time.UTC().Format(timeFormat)
	}
	return env
}

// DecodeEnvelope reads stored envelope bytes. Time stays zero when the sender
// gave none.
func DecodeEnvelope(raw []byte) (Record, error) {
	var env envelope
	if err := json.Unmarshal(raw, &env); err != nil {
		return Record{}, fmt.Errorf("decode envelope: %w", err)
	}
	rec := Record{Poster: env.Poster, Event: Event{
		ID: env.ID, Source: env.Source, Type: env.Type, Subject: env.Subject,
		Actor: env.Actor, Team: env.Team, Service: env.Service, Capability: env.Capability, Environment: env.Environment,
		Names: env.Names, Inferred: env.Inferred, Extensions: env.Extensions, DataContentType: env.DataContentType,
	}}
	var err error
	if rec.Received, err = time.Parse(time.RFC3339Nano, env.Received); err != nil {
		return Record{}, fmt.Errorf("decode envelope: %w", err)
	}
	if env.Time != "" {
		if rec.Time, err = time.Parse(time.RFC3339Nano, env.Time); err != nil {
			return Record{}, fmt.Errorf("decode envelope: %w", err)
		}
	}
	return rec, nil
}

// DecodeID reads the id alone out of stored envelope bytes, which begin with it.
func DecodeID(raw []byte) (string, error) {
	const field = `{"id":"`
	if rest, ok := bytes.CutPrefix(raw, []byte(field)); ok {
		if end := bytes.IndexByte(rest, '"'); end >= 0 && bytes.IndexByte(rest[:end], '\\') < 0 {
			return string(rest[:end]), nil
		}
	}
	record, err := DecodeEnvelope(raw)
	return record.ID, err
}

// ExtensionsDecoder reads the extension attributes alone out of stored envelope
// bytes: a small part of what DecodeEnvelope costs. Envelopes that say the same
// share what it gives, which nobody must change. The zero value is ready; it must
// not be used from several goroutines at once.
type ExtensionsDecoder struct{ known map[string]map[string]string }

// maxKnownExtensions bounds what a decoder remembers.
const maxKnownExtensions = 1 << 12

// Decode gives the attributes, nil for none.
func (d *ExtensionsDecoder) Decode(raw []byte) (map[string]string, error) {
	at := afterField(raw, `"extensions":`, '{')
	if at < 0 {
		return nil, nil
	}
	end := bytes.IndexByte(raw[at:], '}')
	if end < 0 {
		return nil, errors.New("decode extensions: they have no end")
	}
	object := raw[at : at+end+1]
	if known, ok := d.known[string(object)]; ok {
		return known, nil
	}
	if bytes.IndexByte(object, '\\') < 0 {
		if extensions, ok := plainStrings(object); ok {
			if d.known == nil || len(d.known) == maxKnownExtensions {
				d.known = map[string]map[string]string{}
			}
			d.known[string(object)] = extensions
			return extensions, nil
		}
	}
	record, err := DecodeEnvelope(raw)
	return record.Extensions, err
}

// afterField gives the place of a value that opens with a bracket, behind its
// field's name, or -1. A quote inside a JSON string is escaped, so the two stand
// nowhere else. The bracket is looked for first: most envelopes have none.
func afterField(raw []byte, name string, bracket byte) int {
	at := bytes.IndexByte(raw[min(1, len(raw)):], bracket) + 1
	if at <= 0 || bytes.HasSuffix(raw[:at], []byte(name)) {
		return cmp.Or(at, -1)
	}
	if at = bytes.Index(raw, append([]byte(name), bracket)); at >= 0 {
		at += len(name)
	}
	return at
}

// DecodeNames reads the names alone out of stored envelope bytes; few events
// have any.
func DecodeNames(raw []byte) ([]string, error) {
	// Only this field is a list of that name: the values of extensions are strings.
	if afterField(raw, `"names":`, '[') < 0 {
		return nil, nil
	}
	record, err := DecodeEnvelope(raw)
	return record.Names, err
}

// plainStrings reads a compact JSON object whose names and values are strings
// without escapes; ok is false for any other.
func plainStrings(object []byte) (map[string]string, bool) {
	parts := strings.Split(string(object[1:len(object)-1]), `"`)
	if len(parts)%4 != 1 || len(parts) < 5 {
		return nil, false
	}
	values := make(map[string]string, len(parts)/4)
	for i := 0; i+4 < len(parts); i += 4 {
		separator := ""
		if i > 0 {
			separator = ","
		}
		if parts[i] != separator || parts[i+2] != ":" {
			return nil, false
		}
		values[parts[i+1]] = parts[i+3]
	}
	return values, parts[len(parts)-1] == ""
}

// KeyOf finds an event by its source and id: the first 16 bytes of SHA-256 over
// source, a zero byte and id. Stoa's own time-ordered ids are their own keys,
// so that they enter the index in order.
func KeyOf(source, id string) [16]byte {
	if OwnSource(source) && len(id) == 36 && strings.ToLower(id) == id {
		if u, err := uuid.Parse(id); err == nil && u.Version() == 7 {
			return u
		}
	}
	h := sha256.New()
	h.Write([]byte(source))
	h.Write([]byte{0})
	h.Write([]byte(id))
	return [16]byte(h.Sum(nil)[:16])
}

// NameKey stands for a name in a summary that has no number for it: the first 63
// bits of its SHA-256, 0 for none.
func NameKey(name string) int64 {
	if name == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(name))
	return max(1, int64(binary.BigEndian.Uint64(sum[:8])>>1))
}

// LeafHash is an event's hash in the tree: RFC 6962's over the envelope
// followed by the payload's hash.
func LeafHash(envelope []byte, payloadHash [32]byte) tlog.Hash {
	return tlog.RecordHash(slices.Concat(envelope, payloadHash[:]))
}

func payloadHash(salt, body []byte) [32]byte {
	h := sha256.New()
	h.Write(salt)
	h.Write(body)
	return [32]byte(h.Sum(nil))
}

// AboutPerson gives the pseudonym of the person whom one of Stoa's own events is
// about, "" for any other event.
func (r Record) AboutPerson() string {
	pseudonym, person := strings.CutPrefix(r.Subject, PersonPrefix)
	if !person || !OwnSource(r.Source) {
		return ""
	}
	return pseudonym
}

// OwnSource reports whether a source is Stoa's own: "/stoa" or below.
func OwnSource(source string) bool {
	return source == "/stoa" || strings.HasPrefix(source, "/stoa/")
}
