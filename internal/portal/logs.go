package portal

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/logs"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/problem"
)

// logShown is how many lines the page begins with, the newest.
const logShown = 500

var sinces = []struct {
	name  string
	label string
	span  time.Duration
}{
	{"5m", "last 5 minutes", 5 * time.Minute}, {"1h", "last hour", time.Hour}, {"24h", "last 24 hours", 24 * time.Hour},
	{"7d", "last 7 days", 7 * 24 * time.Hour}, {"all", "all that is kept", 0},
}

// logFilter reads the filter of the address. A pattern that is none is told
// beside its field.
func (p *Portal) logFilter(v *visit, service, env string) (logs.Filter, string, error) {
	q := v.URL.Query()
	f := logs.Filter{Service: service, Environment: env, Stream: q.Get("stream"), Release: q.Get("release")}
	since := q.Get("since")
	at := slices.IndexFunc(sinces, func(s struct {
		name  string
		label string
		span  time.Duration
	}) bool {
		return s.name == since
	})
	if at < 0 {
		at, since = 1, "1h"
	}
	if sinces[at].span > 0 {
		f.Since = p.Clock().Add(-sinces[at].span)
	}
	if grep := q.Get("grep"); grep != "" {
		pattern, err := regexp.Compile(grep)
		if err != nil {
			return f, since, problem.New(problem.Invalid, "%q is no regular expression", grep).
				WithFields(problem.Field{Path: "grep", Message: err.Error()})
		}
		f.Grep = pattern
	}
	return f, since, nil
}

// mayReadLogs holds for the team and the platform's people: log lines hold what
// others need not see.
func (p *Portal) mayReadLogs(v *visit, owner string) error {
	return auth.Allowed(v.principal, auth.Logs, p.service, owner).Err()
}

func (p *Portal) logs(v *visit) error {
	head, s, _, err := p.subjectOf(v, "logs", "Logs of ")
	if err != nil {
		return err
	}
	q := v.URL.Query()
	show := page.Logs{Subject: head, Grep: q.Get("grep")}
	if refused := p.mayReadLogs(v, s.Metadata.Owner); refused != nil {
		show.Refused = p.told(v, refused)
		return p.render(v, statuses[show.Refused.Kind], page.LogsPage(show))
	}
	v.use.Capability = "logs"
	f, since, err := p.logFilter(v, s.Metadata.Name, head.Environment)
	status := 200
	if err != nil {
		show.Problem = p.told(v, err)
		status = statuses[show.Problem.Kind]
	}
	p.logChoices(v.Context(), &show, s, since, f)
	show.Same = page.Command{Text: logCommand(s.Metadata.Name, head.Environment, q.Get("grep"), since, f), Says: "The same on the command line"}
	if err == nil && head.Environment != "" {
		f.Tail = logShown + 1
		for entry, err := range p.Logs.Query(v.Context(), f) {
			if err != nil {
				return err
			}
			show.Lines = append(show.Lines, logLine(entry))
		}
		if len(show.Lines) > logShown {
			show.Lines, show.Cut = show.Lines[1:], true
		}
		after := p.Clock()
		if n := len(show.Lines); n > 0 {
			after = show.Lines[n-1].At
		}
		show.Follow = page.Link("/services/"+s.Metadata.Name+"/logs/live", "env", head.Environment, "grep", q.Get("grep"),
			"stream", f.Stream, "release", f.Release, "from", after.UTC().Format(time.RFC3339Nano))
	}
	return p.render(v, status, page.LogsPage(show))
}

func (p *Portal) logChoices(ctx context.Context, show *page.Logs, s catalog.Service, since string, f logs.Filter) {
	for _, c := range sinces {
		show.Sinces = append(show.Sinces, page.Option{Value: c.name, Label: c.label, Selected: c.name == since})
	}
	for _, c := range []struct{ value, label string }{{"", "all streams"}, {"stdout", "stdout"}, {"stderr", "stderr"}, {"stoa", "Stoa's remarks"}} {
		show.Streams = append(show.Streams, page.Option{Value: c.value, Label: c.label, Selected: c.value == f.Stream})
	}
	show.Releases = []page.Option{{Value: "", Label: "all releases", Selected: f.Release == ""}}
	releases, _, err := p.releases(ctx, s.Metadata.Name, show.Environment, "", releasesShown)
	if err != nil {
		return // the log is worth more than the choice
	}
	for _, rel := range releases {
		show.Releases = append(show.Releases, page.Option{Value: rel.Metadata.Name, Label: rel.Metadata.Name, Selected: rel.Metadata.Name == f.Release})
	}
}

func logCommand(service, env, grep, since string, f logs.Filter) string {
	c := "stoa logs " + service
	for _, flag := range []struct{ name, value string }{{"env", env}, {"since", since}, {"grep", grep}, {"release", f.Release}} {
		if flag.value != "" && flag.value != "all" {
			c += " --" + flag.name + " " + quote(flag.value)
		}
	}
	return c + " -f"
}

func logLine(e logs.Entry) page.Line {
	return page.Line{At: e.Time, Process: e.Process, Instance: e.Instance, Release: e.Release, Stream: e.Stream, Text: e.Line}
}

// liveLogs sends the lines as they are printed. Each carries its time as the
// event's id, by which a browser that lost the connection goes on where it was.
func (p *Portal) liveLogs(v *visit) error {
	s, err := p.get(v.Context(), v.PathValue("name"))
	if err != nil {
		return err
	}
	if err := p.mayReadLogs(v, s.Metadata.Owner); err != nil {
		return err
	}
	f, _, err := p.logFilter(v, s.Metadata.Name, v.FormValue("env"))
	if err != nil {
		return err
	}
	from := v.FormValue("from")
	if last := v.Header.Get("Last-Event-ID"); last != "" {
		from = last
	}
	since, err := time.Parse(time.RFC3339Nano, from)
	if err != nil {
		since = p.Clock()
	}
	f.Since = since.Add(1) // times of a journal's lines are all different
	return p.live(v, func(ctx context.Context, out *stream) error {
		for entry, err := range p.Logs.Follow(ctx, f) {
			if err != nil {
				return err
			}
			if err := out.line(ctx, entry); err != nil {
				return err
			}
		}
		return nil
	})
}
