package app_test

import (
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/client"
)

// TestLogQueryIsOneUse: a log query counts once, for the team of who asks, and one
// that is refused or about what there is not is no use: it would be a team's first.
func TestLogQueryIsOneUse(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	yaml := "apiVersion: stoa.dev/v1\nkind: Team\nmetadata:\n  name: fruit\nspec: {}\n---\n" +
		"apiVersion: stoa.dev/v1\nkind: Service\nmetadata:\n  name: apple\n  owner: fruit\nspec:\n  environments:\n    dev: {}\n"
	if _, err := p.Apply(t.Context(), strings.NewReader(yaml), "fruit.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	query := func(service, env string) error {
		return p.Logs(t.Context(), service, client.LogQuery{Environment: env}, func(client.LogEntry) error { return nil })
	}
	if query("nosuch", "") == nil || query("apple", "nowhere") == nil {
		t.Error("logs of what there is not are no problem")
	}
	for range 2 {
		if err := query("apple", "dev"); err != nil {
			t.Fatal(err)
		}
	}
	attached := client.LogQuery{Environment: "dev", Attached: true} // as stoa up shows them, of itself
	if err := p.Logs(t.Context(), "apple", attached, func(client.LogEntry) error { return nil }); err != nil {
		t.Fatal(err)
	}
	p.stop() // what was gathered is recorded with its end
	p.reopen(t)
	used, _, err := p.Events(t.Context(), client.EventQuery{Types: []string{"dev.stoa.usage.recorded"}, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range used {
		if e.Capability != "logs" {
			continue
		}
		count, _ := strconv.Atoi(e.Extensions["count"])
		n += count
		if e.Team != "platform" || e.Service != "apple" || e.Environment != "dev" || e.Extensions["surface"] != "cli" {
			t.Errorf("a use of logs of %+v", e)
		}
	}
	if n != 2 {
		t.Errorf("two queries are %d uses of logs, among %d events", n, len(used))
	}
}

// TestLogsAsEvents: the log of a service comes as a JSON document on each line, or as
// server-sent events to who asks for those.
func TestLogsAsEvents(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	rel, err := p.Release(t.Context(), client.ReleaseSpec{Source: p.upload(t, "one"), Service: "fruit", Environment: "dev"}, "", "", false)
	if err != nil {
		t.Fatal(err)
	}
	p.succeeded(t, rel.Metadata.Name)
	for accept, want := range map[string]string{"text/event-stream": "event: line\ndata: {\"time\":", "application/json": "{\"time\":"} {
		response := p.request(t, "GET", "/api/v1/services/fruit/logs?tail=1", nil, "Accept", accept)
		said, err := io.ReadAll(response.Body)
		if err != nil || !strings.HasPrefix(string(said), want) {
			t.Errorf("asked for %s: %v, %.200q", accept, err, said)
		}
	}
	read := func(q client.LogQuery) (lines []client.LogEntry) {
		if err := p.Logs(t.Context(), "fruit", q, func(e client.LogEntry) error { lines = append(lines, e); return nil }); err != nil {
			t.Fatal(err)
		}
		return lines
	}
	all := read(client.LogQuery{})
	if len(all) == 0 {
		t.Fatal("no line")
	}
	// Who goes on a nanosecond after a line gets no line again, and misses none.
	last := all[len(all)-1]
	if rest := read(client.LogQuery{Since: last.Time}); len(rest) == 0 || rest[0].Seq != last.Seq {
		t.Errorf("from line %d on comes %+v", last.Seq, rest)
	}
	if rest := read(client.LogQuery{Since: last.Time.Add(1)}); len(rest) > 0 && rest[0].Seq != last.Seq+1 {
		t.Errorf("after line %d comes %+v", last.Seq, rest)
	}
}
