package event_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
)

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

const minimal = `"specversion":"1.0","id":"1","source":"https://ci","type":"x.y"`

func TestParseHTTPInAllModes(t *testing.T) {
	full := `{` + minimal + `,"subject":"s","time":"2026-01-02T03:04:05.678Z","team":"red","traceparent":"00","attempt":3,"final":true,"data":{"a":1}}`
	for name, c := range map[string]struct {
		header http.Header
		body   string
		n      int
	}{
		"structured": {headers("Content-Type", "application/cloudevents+json; charset=utf-8"), full, 1},
		"batched":    {headers("Content-Type", "application/cloudevents-batch+json"), `[` + full + `, ` + full + `]`, 2},
		"binary": {headers("Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "https://ci", "Ce-Type", "x.y", "Ce-Subject", "%73", "Ce-Time", "2026-01-02T03:04:05.678Z",
			"Ce-Team", "red", "Ce-Traceparent", "00", "Ce-Attempt", "3", "Ce-Final", "true", "Content-Type", "application/json", "Accept", "*/*"), `{"a":1}`, 1},
	} {
		got, err := event.ParseHTTP(c.header, strings.NewReader(c.body))
		if err != nil || len(got) != c.n {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		for _, ev := range got {
			want := event.Event{ID: "1", Source: "https://ci", Type: "x.y", Subject: "s", Time: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC), Team: "red",
				Extensions: map[string]string{"traceparent": "00", "attempt": "3", "final": "true"}, Data: json.RawMessage(`{"a":1}`)}
			if fmt.Sprint(ev) != fmt.Sprint(want) {
				t.Errorf("%s: %+v, want %+v", name, ev, want)
			}
		}
	}
}

func TestParseKeepsOtherPayloads(t *testing.T) {
	for name, c := range map[string]struct{ event, data, contentType string }{
		"none":             {`{` + minimal + `}`, "", ""},
		"null":             {`{` + minimal + `,"data":null,"subject":null}`, "", ""},
		"string":           {`{` + minimal + `,"data":"text"}`, `"text"`, ""},
		"text":             {`{` + minimal + `,"datacontenttype":"text/plain","data":"hi"}`, `"aGk="`, "text/plain"},
		"base64":           {`{` + minimal + `,"datacontenttype":"image/png","data_base64":"aGk="}`, `"aGk="`, "image/png"},
		"base64 of JSON":   {`{` + minimal + `,"data_base64":"eyJhIjoxfQ=="}`, `{"a":1}`, ""},
		"JSON of any kind": {`{` + minimal + `,"datacontenttype":"application/vnd.x+json","data":[1]}`, `[1]`, "application/vnd.x+json"},
	} {
		got, err := event.ParseEvent([]byte(c.event))
		if err != nil || string(got.Data) != c.data || got.DataContentType != c.contentType {
			t.Errorf("%s: %s %q, %v", name, got.Data, got.DataContentType, err)
			continue
		}
		raw, err := event.Record{Event: got}.CloudEvent()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		again, err := event.ParseEvent(raw)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(got) {
			t.Errorf("%s: out and in again %+v, want %+v: %v", name, again, got, err)
		}
	}
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	batch := func(events ...string) string { return "[" + strings.Join(events, ",") + "]" }
	good := `{` + minimal + `}`
	without := func(name string) string {
		var fields map[string]any
		_ = json.Unmarshal([]byte(good), &fields)
		delete(fields, name)
		raw, _ := json.Marshal(fields)
		return string(raw)
	}
	for name, c := range map[string]struct {
		body, source, field string
		kind                problem.Kind
	}{
		"no id":             {batch(good, without("id")), "event 2", "id", problem.Invalid},
		"no source":         {batch(without("source")), "event 1", "source", problem.Invalid},
		"no type":           {batch(good, good, without("type")), "event 3", "type", problem.Invalid},
		"no version":        {batch(without("specversion")), "event 1", "specversion", problem.Invalid},
		"old version":       {batch(`{"specversion":"0.3"}`), "event 1", "specversion", problem.Invalid},
		"time":              {batch(`{` + minimal + `,"time":"yesterday"}`), "event 1", "time", problem.Invalid},
		"ancient":           {batch(`{` + minimal + `,"time":"1812-01-01T00:00:00Z"}`), "event 1", "time", problem.Invalid},
		"number":            {batch(`{` + minimal + `,"subject":{"a":1}}`), "event 1", "subject", problem.Invalid},
		"large integer":     {batch(`{` + minimal + `,"n":4294967296}`), "event 1", "n", problem.Invalid},
		"control character": {batch(`{` + minimal + `,"team":"a\u0000b"}`), "event 1", "team", problem.Invalid},
		"name":              {batch(`{` + minimal + `,"trace-parent":"a"}`), "event 1", "trace-parent", problem.Invalid},
		"long":              {batch(`{` + minimal + `,"service":"` + strings.Repeat("a", 254) + `"}`), "event 1", "service", problem.Invalid},
		"two datas":         {batch(`{` + minimal + `,"data":1,"data_base64":"aGk="}`), "event 1", "data_base64", problem.Invalid},
		"base64":            {batch(`{` + minimal + `,"data_base64":"!"}`), "event 1", "data_base64", problem.Invalid},
		"data of type":      {batch(`{` + minimal + `,"datacontenttype":"text/plain","data":{}}`), "event 1", "data", problem.Invalid},
		"duplicate":         {batch(`{` + minimal + `,"id":"2"}`), "event 1", "", problem.Invalid},
		"no object":         {batch(good, `7`), "event 2", "", problem.Invalid},
		"no array":          {good, "", "", problem.Invalid},
		"cut":               {batch(good)[:20], "event 1", "", problem.Invalid},
		"two arrays":        {batch(good) + batch(good), "", "", problem.Invalid},
		"large":             {batch(good, `{`+minimal+`,"data":"`+strings.Repeat("a", event.MaxEventBytes)+`"}`), "", "", problem.TooLarge},
		"many":              {batch(strings.Split(strings.Repeat(good+"\n", event.MaxBatch+1), "\n")[:event.MaxBatch+1]...), "", "", problem.TooLarge},
	} {
		_, err := event.ParseBatch([]byte(c.body))
		if !problem.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if fields := problem.From(err).Fields; c.kind == problem.Invalid && (len(fields) != 1 || fields[0].Source != c.source || (c.field != "" && fields[0].Path != c.field)) {
			t.Errorf("%s: fields %+v", name, fields)
		}
	}
	for name, h := range map[string]http.Header{
		"nothing":        headers(),
		"JSON":           headers("Content-Type", "application/json"),
		"avro":           headers("Content-Type", "application/cloudevents+avro"),
		"malformed type": headers("Content-Type", ";;"),
		"twice":          headers("Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Id", "2", "Ce-Source", "a", "Ce-Type", "b"),
		"not JSON":       headers("Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "a", "Ce-Type", "b", "Content-Type", "application/json"),
		"not UTF-8":      headers("Ce-Specversion", "1.0", "Ce-Id", "%ff", "Ce-Source", "a", "Ce-Type", "b"),
	} {
		if _, err := event.ParseHTTP(h, strings.NewReader("hello")); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseBatch(f *testing.F) {
	f.Add([]byte(`[{` + minimal + `,"data":{"a":[1,2]},"time":"2026-01-02T03:04:05Z"}]`))
	f.Add([]byte(`[{` + minimal + `,"datacontenttype":"text/plain","data":"hi"},{"id":7}]`))
	f.Add([]byte(`[{` + minimal + `,"count":"7","surface":"a}b\\\"c","bot":true,"empty":""}]`))
	f.Add([]byte(`[{` + minimal + `,"subject":"{[\"names\":[\"extensions\":{","count":"7"},{` + minimal + `,"subject":"{["}]`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		events, err := event.ParseBatch(raw)
		if err != nil {
			if problem.From(err).Kind == problem.Internal {
				t.Fatalf("not told as a problem: %v", err)
			}
			return
		}
		for i, ev := range events { // what is taken can be kept, and goes out as it came in
			if i%2 == 0 {
				ev.Names = []string{"p-1", ev.Subject}
			}
			entry, err := event.Prepare(ev, "p-x", time.Unix(0, 0))
			if err != nil {
				t.Fatal(err)
			}
			rec, err := event.DecodeEnvelope(entry.Envelope)
			if err != nil {
				t.Fatal(err)
			}
			if extensions, err := new(event.ExtensionsDecoder).Decode(entry.Envelope); err != nil || !maps.Equal(extensions, rec.Extensions) {
				t.Fatalf("%s: extensions %q, alone %q: %v", entry.Envelope, rec.Extensions, extensions, err)
			}
			if names, err := event.DecodeNames(entry.Envelope); err != nil || !slices.Equal(names, rec.Names) {
				t.Fatalf("names %q of %q, %v", names, rec.Names, err)
			}
			if id, err := event.DecodeID(entry.Envelope); err != nil || id != rec.ID {
				t.Fatalf("%s: id %q, alone %q: %v", entry.Envelope, rec.ID, id, err)
			}
			rec.Data = entry.Data
			if !entry.Same(rec) {
				t.Fatalf("%+v became %+v", entry.Event, rec.Event)
			}
			out, err := rec.CloudEvent()
			if err != nil {
				t.Fatal(err)
			}
			if len(out) > event.MaxEventBytes {
				continue
			}
			again, err := event.ParseEvent(out)
			if err != nil {
				t.Fatalf("%s: %v", out, err)
			}
			delete(again.Extensions, "stoareceived")
			delete(again.Extensions, "stoaposter")
			if again.ID != ev.ID || again.Source != ev.Source || !bytes.Equal(again.Data, entry.Data) && again.DataContentType == ev.DataContentType {
				t.Fatalf("%+v went out and came back as %+v", ev, again)
			}
		}
	})
}

func FuzzParseHTTPBinary(f *testing.F) {
	f.Add("1", "https://ci", "x.y", "2026-01-02T03:04:05Z", "application/json", []byte(`{}`))
	f.Fuzz(func(t *testing.T, id, source, kind, at, contentType string, body []byte) {
		h := headers("Ce-Specversion", "1.0", "Ce-Id", id, "Ce-Source", source, "Ce-Type", kind, "Ce-Time", at, "Content-Type", contentType)
		events, err := event.ParseHTTP(h, bytes.NewReader(body))
		if err != nil {
			if problem.From(err).Kind == problem.Internal {
				t.Fatalf("not told as a problem: %v", err)
			}
			return
		}
		for _, ev := range events {
			if _, err := event.Prepare(ev, "p-x", time.Unix(0, 0)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	k, err := event.NewKey("stoa.example")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("stoa.example\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nprevious 0\ntime 2026-01-02T03:04:05Z\n\n— stoa.example AAAA\n")
	f.Fuzz(func(t *testing.T, signed string) {
		if _, err := event.ParseCheckpoint(signed, k.Public); err == nil {
			t.Fatal("a signature was made without the key")
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"ledger":{"version":1,"origin":"a","key":"b","head":3,"sealed":3,"exported":"2026-01-02T03:04:05Z"}}
{"tile":{"level":0,"n":0,"data":"AAAA"}}
{"event":{"seq":1,"envelope":"{}","key":1,"columns":{"time":0,"received":0,"type":"","source":""}}}
{"checkpoint":{"size":1,"previous":0,"note":"x"}}
{"source":{"source":"a","owner":"b"}}
{"end":{"head":1,"dims":0,"names":0,"events":1,"payloads":0,"keys":1,"tiles":1,"checkpoints":1,"sources":1}}
`))
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if report, err := event.Verify(bytes.NewReader(raw), event.VerifyOptions{}); err == nil && report.Sealed > 0 {
			t.Fatal("sealed by nobody")
		}
	})
}
