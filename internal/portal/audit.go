package portal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/portal/sheet"
	"github.com/stoa-platform/stoa/internal/problem"
)

const eventsShown = 50

// auditFilter reads the filter of the address.
func auditFilter(v *visit) (event.Filter, error) {
	q := v.URL.Query()
	f := event.Filter{
		Actor: q.Get("actor"), Team: q.Get("team"), Service: q.Get("service"), Environment: q.Get("env"), Subject: q.Get("subject"),
		Newest: true, Limit: eventsShown + 1,
	}
	if f.Actor != "" && !strings.Contains(f.Actor, "/") && len(f.Actor) < 20 {
		f.Actor = "user/" + f.Actor
	}
	if t := q.Get("type"); t != "" {
		f.Types = []string{t}
		if !strings.HasSuffix(t, ".") {
			f.Types = append(f.Types, t+".")
		}
	}
	if before := q.Get("before"); before != "" {
		n, err := strconv.ParseInt(before, 10, 64)
		if err != nil || n < 1 {
			return f, problem.New(problem.Invalid, "before %q is not the number of an event", before)
		}
		f.BeforeSeq = n
	}
	return f, nil
}

// mayAudit lets a team's members read what is about their team, and the
// platform's people all.
func (p *Portal) mayAudit(v *visit, team string) error {
	return auth.Allowed(v.principal, auth.Audit, p.service, team).Err()
}

func (p *Portal) audit(v *visit) error {
	ctx := v.Context()
	f, err := auditFilter(v)
	if err != nil {
		return err
	}
	if own := v.teams(); f.Team == "" && len(own) > 0 && p.mayAudit(v, "") != nil {
		f.Team = own[0]
	}
	if err := p.mayAudit(v, f.Team); err != nil {
		return err
	}
	v.use.Capability = "audit"
	v.of(f.Team, "", "")
	found, err := p.Ledger.Events(ctx, f)
	if err != nil {
		return err
	}
	more := event.Full(found, eventsShown+1)
	found = found[:min(len(found), eventsShown)]
	latest, err := p.Seals.Latest(ctx)
	if err != nil {
		return err
	}
	show := page.Audit{Frame: p.frame(v, "Audit", "audit"), Sealed: latest.Size, Pager: page.Pager{Shown: len(found), Noun: "event"},
		Same: page.Command{Text: auditCommand(f), Says: "The same on the command line"}, Sentence: "Nothing is sealed yet."}
	if latest.Size > 0 {
		show.Sentence = page.Plural(latest.Size, "event") + " sealed by the signed checkpoint of " + page.Ago(p.Clock(), latest.Time) + ". None can be changed, removed or reordered without it being told."
	}
	known, err := p.named(ctx, found)
	if err != nil {
		return err
	}
	for _, r := range found {
		show.Rows = append(show.Rows, eventRow(r, known, latest))
	}
	q := v.URL.Query()
	link := func(pairs ...string) string {
		all := []string{"type", q.Get("type"), "actor", q.Get("actor"), "team", f.Team, "service", f.Service, "env", f.Environment, "subject", f.Subject}
		return page.Link("/audit", append(all, pairs...)...)
	}
	if more {
		show.Pager.Next = link("before", strconv.FormatInt(found[len(found)-1].Seq, 10))
	}
	if f.BeforeSeq > 0 {
		show.Pager.First = link()
	}
	show.JSON, show.CSV = link("before", q.Get("before"), "format", "json"), link("before", q.Get("before"), "format", "csv")
	for _, t := range []page.Text{
		{Name: "type", Label: "Type", Value: q.Get("type"), Hint: "exact, or the beginning, such as dev.stoa.release"},
		{Name: "actor", Label: "Who", Value: q.Get("actor"), Hint: "a person such as admin, or a principal"},
		{Name: "team", Label: "Team", Value: f.Team, Hint: "its name"}, {Name: "service", Label: "Service", Value: f.Service, Hint: "its name"},
		{Name: "env", Label: "Environment", Value: f.Environment, Hint: "its name"},
	} {
		t.Without = link(t.Name, "")
		show.Filters = append(show.Filters, t)
		if t.Value != "" {
			show.Clear = "/audit"
		}
	}
	switch format := q.Get("format"); format {
	case "":
	case "csv":
		v.w.Header().Set("Content-Disposition", `attachment; filename="events.csv"`)
		table := page.EventSheet(show.Rows)
		return p.write(v, 200, "text/csv; charset=utf-8", sheet.CSV(&table))
	case "json":
		return p.eventsJSON(v, found, known, latest, show.Pager.Next)
	default:
		return problem.New(problem.Invalid, "there is no format %q", format).Because("formats are json and csv")
	}
	return p.render(v, 200, page.AuditPage(show))
}

func auditCommand(f event.Filter) string {
	c := "stoa events tail"
	for _, flag := range []struct{ name, value string }{
		{"type", strings.Join(f.Types[:min(1, len(f.Types))], "")}, {"actor", f.Actor}, {"team", f.Team}, {"service", f.Service}, {"env", f.Environment},
	} {
		if flag.value != "" {
			c += " --" + flag.name + " " + quote(flag.value)
		}
	}
	return c
}

func (p *Portal) named(ctx context.Context, records []event.Record) (people, error) {
	var pseudonyms []string
	for _, r := range records {
		pseudonyms = append(pseudonyms, r.Actor, r.Poster, r.AboutPerson())
	}
	return p.people(ctx, pseudonyms)
}

// aboutOf is what an event is about; of the use of the platform, what was used.
func aboutOf(r event.Record) string { return cmp.Or(r.Subject, r.Capability) }

func eventRow(r event.Record, known people, latest event.Checkpoint) page.Event {
	e := page.Event{Seq: r.Seq, At: r.Time, What: what(r.Type), Type: r.Type, By: known.person(r.Actor), Subject: aboutOf(r),
		Team: r.Team, Service: r.Service, Environment: r.Environment, Erased: r.Erased, Proof: page.State{Level: page.Busy, Word: "not sealed yet"}}
	if name, ok := known[r.AboutPerson()]; ok {
		e.Subject = name
	}
	if e.At.IsZero() {
		e.At = r.Received
	}
	if r.Seq <= latest.Size {
		e.Proof = page.State{Level: page.Good, Word: "sealed in " + page.Count(latest.Size)}
	}
	return e
}

// version ends the types of CDEvents.
var version = regexp.MustCompile(`\.\d+\.\d+\.\d+$`)

// what reads a type as words: "service deployed".
func what(kind string) string {
	kind = version.ReplaceAllString(kind, "")
	for _, prefix := range []string{"dev.cdevents.", "dev.stoa."} {
		kind = strings.TrimPrefix(kind, prefix)
	}
	return strings.NewReplacer(".", " ", "rolledback", "rolled back", "pipelinerun", "pipeline run", "crashlooping", "crash loop").Replace(kind)
}

// shown is an event as JSON gives it: the CloudEvent with names, and how far the
// ledger is sealed.
func (p *Portal) eventsJSON(v *visit, records []event.Record, known people, latest event.Checkpoint, next string) error {
	items := make([]json.RawMessage, 0, len(records))
	for _, r := range records {
		body, err := cloudEvent(r, known)
		if err != nil {
			return err
		}
		items = append(items, body)
	}
	if next != "" {
		next = with(next, "format", "json")
	}
	body, err := json.Marshal(map[string]any{"items": items, "next": next, "sealed": latest.Size, "checkpoint": latest.Note})
	if err != nil {
		return err
	}
	return p.write(v, 200, "application/json", append(body, '\n'))
}

func cloudEvent(r event.Record, known people) ([]byte, error) {
	if name, ok := known[r.AboutPerson()]; ok {
		r.Subject = name
	}
	for _, field := range []*string{&r.Actor, &r.Poster} {
		if name, ok := known[*field]; ok {
			*field = name
		}
	}
	return r.CloudEvent()
}

// event shows one event and checks its proof: the path from the event's own hash
// must lead to the root that the checkpoint signs.
func (p *Portal) event(v *visit) error {
	ctx := v.Context()
	seq, err := strconv.ParseInt(v.PathValue("seq"), 10, 64)
	if err != nil || seq < 1 {
		return problem.New(problem.NotFound, "there is no event %q", v.PathValue("seq"))
	}
	found, err := p.Ledger.Events(ctx, event.Filter{AfterSeq: seq - 1, Limit: 1})
	if err != nil {
		return err
	}
	if len(found) == 0 || found[0].Seq != seq {
		return problem.New(problem.NotFound, "there is no event %d", seq).Because("the ledger does not reach so far")
	}
	r := found[0]
	if err := p.mayAudit(v, r.Team); err != nil {
		return err
	}
	v.use.Capability = "audit"
	v.of(r.Team, "", "")
	known, err := p.named(ctx, found)
	if err != nil {
		return err
	}
	raw, err := cloudEvent(r, known)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err := json.Indent(&body, raw, "", "  "); err != nil {
		return err
	}
	show := page.Proof{Frame: p.frame(v, "Event "+strconv.FormatInt(seq, 10), "audit"), Event: eventRow(r, known, event.Checkpoint{}), Body: body.String(),
		Same: page.Command{Text: "stoa audit export ledger.jsonl && stoa audit verify ledger.jsonl", Says: "All of it on the command line"}}
	if err := p.prove(ctx, &show, r); err != nil {
		return err
	}
	return p.render(v, 200, page.ProofPage(show))
}

func (p *Portal) prove(ctx context.Context, show *page.Proof, r event.Record) error {
	proof, checkpoint, err := p.Seals.ProveInclusion(ctx, r.Seq)
	if problem.Is(err, problem.NotFound) {
		show.Sentence = "It is in the ledger; the next checkpoint, within seconds, will cover it."
		return nil
	}
	if err != nil {
		return err
	}
	leaves, err := p.Ledger.Leaves(ctx, r.Seq-1, 1)
	if err != nil {
		return err
	}
	show.Size, show.Signed, show.Note, show.Root = checkpoint.Size, checkpoint.Time, checkpoint.Note, checkpoint.Hash.String()
	for _, h := range proof {
		show.Hashes = append(show.Hashes, h.String())
	}
	if len(leaves) == 1 {
		show.Leaf = leaves[0].String()
		err = tlog.CheckRecord(proof, checkpoint.Size, checkpoint.Hash, r.Seq-1, leaves[0])
	}
	if len(leaves) != 1 || err != nil {
		show.Event.Proof = page.State{Level: page.Bad, Word: "proof fails"}
		show.Sentence = "What is stored is not what was sealed. Export the ledger and verify it: stoa audit export, stoa audit verify."
		return nil
	}
	show.Event.Proof = page.State{Level: page.Good, Word: "verified"}
	show.Sentence = "Just now, up to checkpoint " + page.Count(checkpoint.Size) + ": its hash leads to the root that was signed on " + checkpoint.Time.UTC().Format("2 Jan 2006 at 15:04:05 UTC") + "."
	return nil
}

// history lists who changed what is declared of a service.
func (p *Portal) history(v *visit) error {
	ctx := v.Context()
	head, _, _, err := p.subjectOf(v, "history", "History of ")
	if err != nil {
		return err
	}
	before, _ := strconv.ParseInt(v.URL.Query().Get("before"), 10, 64) // what is no number starts with the newest
	versions, next, err := p.versions(ctx, "Service", head.Name, before)
	if err != nil {
		return err
	}
	show := page.History{Subject: head, Versions: versions, Pager: page.Pager{Shown: len(versions), Noun: "change"},
		Same: page.Command{Text: "stoa history service/" + head.Name, Says: "The same on the command line"}}
	base := "/services/" + head.Name + "/history"
	if next > 0 {
		show.Pager.Next = page.Link(base, "env", head.Environment, "before", strconv.FormatInt(next, 10))
	}
	if before > 0 {
		show.Pager.First = page.Link(base, "env", head.Environment)
	}
	return p.render(v, 200, page.HistoryPage(show))
}
