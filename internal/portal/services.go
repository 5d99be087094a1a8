package portal

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"bytes"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/problem"
)

// selection is which services a page lists, as its address says.
type selection struct {
	search, owner, environment, state string
	sort                              string // "" is by name
	after                             string // cursor of the store's page
	skip                              int    // how many of that page were shown before
}

const (
	servicesShown = 50
	// scanned is how many services are read at once when state or environment
	// filter, which no index knows, and mostScanned how many one page looks
	// through: where few fit, the rest is looked through by the next pages.
	scanned     = 500
	mostScanned = 2000
)

// states are what the list can be filtered by.
var states = []string{
	catalog.StateRunning, catalog.StateDegraded, catalog.StateFailed, catalog.StateStopped, catalog.StateUnreleased, catalog.StateElsewhere,
}

func selected(q url.Values) (selection, error) {
	s := selection{search: strings.TrimSpace(q.Get("q")), owner: q.Get("owner"), environment: q.Get("env"), state: q.Get("state"), sort: q.Get("sort"), after: q.Get("after")}
	if err := sortable("services", s.sort); err != nil {
		return s, err
	}
	if s.state != "" && !slices.Contains(states, s.state) {
		return s, problem.New(problem.Invalid, "there is no state %q", s.state).Because("states are: " + strings.Join(states, ", "))
	}
	if skip := q.Get("skip"); skip != "" {
		n, err := strconv.Atoi(skip)
		if err != nil || n < 0 || n > scanned {
			return s, problem.New(problem.Invalid, "skip %q is not a number of 0 to %d", skip, scanned)
		}
		s.skip = n
	}
	return s, nil
}

// link gives the address of the same list with some values changed.
func (s selection) link(pairs ...string) string {
	all := map[string]string{"q": s.search, "owner": s.owner, "env": s.environment, "state": s.state, "sort": s.sort}
	for i := 0; i+1 < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	var flat []string
	for k, v := range all {
		flat = append(flat, k, v)
	}
	return page.Link("/services", flat...)
}

// newest is the order of creation, newest first.
const newest = "newest"

// sortable refuses an order that the store has no pages of.
func sortable(what, by string) error {
	if by == "" || by == newest {
		return nil
	}
	return problem.New(problem.Invalid, "%s cannot be sorted by %q", what, by).Because("without sort they come by name; the other order is " + newest)
}

// newest reports whether the newest come first; what is searched for comes by how
// well it fits, in whatever order it is asked for.
func (s selection) newest() bool { return s.sort == newest && s.search == "" }

func (s selection) filtered() bool { return s.search+s.owner+s.environment+s.state != "" }

// command is the one that lists the same; by state and environment, which are told
// of what runs and not of what is declared, none does.
func (s selection) command() page.Command {
	if s.environment+s.state != "" {
		return page.Command{}
	}
	c := "stoa get services"
	for _, flag := range []struct{ name, value string }{{"search", s.search}, {"owner", s.owner}} {
		if flag.value != "" {
			c += " --" + flag.name + " " + quote(flag.value)
		}
	}
	if s.newest() {
		c += " --newest"
	}
	return page.Command{Text: c, Says: "The same on the command line"}
}

// quote makes one word of a shell of any text.
func quote(text string) string {
	if strings.IndexFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@=,", r))
	}) < 0 && text != "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// list gives a page of services and the address of the next, "" on the last.
func (p *Portal) list(ctx context.Context, s selection) ([]catalog.Service, string, error) {
	query := object.Query{Kind: "Service", Owner: s.owner, Search: s.search, After: s.after, Limit: servicesShown, Newest: s.newest()}
	if s.state != "" || s.environment != "" {
		query.Limit = scanned
	}
	if s.state != "" && !slices.Contains([]string{catalog.StateFailed, catalog.StateStopped, catalog.StateUnreleased, catalog.StateElsewhere}, s.state) {
		query.Fields = map[string]string{"status.active": "true"}
	}
	var found []catalog.Service
	skip := s.skip
	for looked := 0; ; looked += query.Limit {
		if looked >= mostScanned {
			return found, s.link("after", query.After), nil
		}
		services, next, err := object.List[catalog.Service](ctx, p.Objects, query)
		if err != nil {
			return nil, "", err
		}
		for i := skip; i < len(services); i++ {
			fits, err := p.fits(ctx, services[i], s)
			if err != nil {
				return nil, "", err
			}
			if !fits {
				continue
			}
			if len(found) == servicesShown {
				return found, s.link("after", query.After, "skip", strconv.Itoa(i)), nil
			}
			found = append(found, services[i])
		}
		if next == "" {
			return found, "", nil
		}
		if len(found) == servicesShown {
			return found, s.link("after", next), nil
		}
		query.After, skip = next, 0
	}
}

// fits reports whether a service is in the environment, and there or anywhere in
// the state.
func (p *Portal) fits(ctx context.Context, svc catalog.Service, s selection) (bool, error) {
	if s.environment == "" && s.state == "" {
		return true, nil
	}
	envs := catalog.EnvironmentsOf(svc)
	if s.environment != "" {
		if !slices.Contains(envs, s.environment) {
			return false, nil
		}
		envs = []string{s.environment}
	}
	if s.state == "" {
		return true, nil
	}
	for _, env := range envs {
		now, err := p.condition(ctx, svc, env)
		if err != nil {
			return false, err
		}
		if now.Word == s.state {
			return true, nil
		}
	}
	return len(envs) == 0 && s.state == catalog.StateElsewhere, nil
}

func (p *Portal) services(v *visit) error {
	sel, err := selected(v.URL.Query())
	if err != nil {
		return err
	}
	found, next, err := p.list(v.Context(), sel)
	if err != nil {
		return err
	}
	rows, err := p.rows(v.Context(), found)
	if err != nil {
		return err
	}
	switch format := v.URL.Query().Get("format"); format {
	case "json":
		return p.servicesJSON(v, rows, next)
	case "csv":
		return p.servicesCSV(v, rows)
	case "":
	default:
		return problem.New(problem.Invalid, "there is no format %q", format).Because("formats are json and csv")
	}
	total, err := p.Objects.Count(v.Context(), object.Query{Kind: "Service"})
	if err != nil {
		return err
	}
	filters, err := p.filters(v.Context(), sel)
	if err != nil {
		return err
	}
	here := sel.link("after", sel.after, "skip", noZero(sel.skip))
	show := page.Services{
		Frame: p.frame(v, "Services", "services"), Sentence: sentence(len(rows), next != "" || sel.after != "", total, sel),
		Search: sel.search, Filters: filters, Rows: rows,
		CSV: with(here, "format", "csv"), JSON: with(here, "format", "json"),
		Pager: page.Pager{Next: next, Shown: len(rows), Noun: "service"},
		Same:  sel.command(),
	}
	if sel.after != "" || sel.skip > 0 {
		show.Pager.First = sel.link()
	}
	if sel.filtered() || sel.newest() {
		show.Clear = "/services"
	}
	return p.render(v, 200, page.ServicesPage(show))
}

func noZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// with adds a value to an address.
func with(address, key, value string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func sentence(shown int, more bool, total int64, s selection) string {
	switch {
	case total == 0:
		return "There is no service yet."
	case !s.filtered():
		return page.Plural(total, "service") + " on this platform, " + map[bool]string{true: "newest first.", false: "by name."}[s.newest()]
	case more:
		return fmt.Sprintf("%d of those that fit, among %s; the next page goes on looking.", shown, page.Plural(total, "service"))
	default:
		return fmt.Sprintf("%d of %s fit.", shown, page.Plural(total, "service"))
	}
}

// filters are the choices above the list.
func (p *Portal) filters(ctx context.Context, s selection) ([]page.Filter, error) {
	teams, err := p.namesOf(ctx, "Team")
	if err != nil {
		return nil, err
	}
	envs, err := p.namesOf(ctx, "Environment")
	if err != nil {
		return nil, err
	}
	filter := func(name, label, value string, values []string) page.Filter {
		f := page.Filter{Name: name, Label: label, Value: value, Without: s.link(name, "")}
		if value != "" && !slices.Contains(values, value) {
			values = append(values, value)
		}
		for _, v := range values {
			f.Options = append(f.Options, page.Option{Value: v, Label: v, Selected: v == value})
		}
		return f
	}
	order := ordered(s.sort, s.link("sort", ""))
	order.Idle = s.search != ""
	return []page.Filter{
		filter("owner", "Owner", s.owner, teams), filter("env", "Environment", s.environment, envs), filter("state", "State", s.state, slices.Clone(states)), order,
	}, nil
}

// ordered is the choice of a list's order among those that the store has pages of.
func ordered(by, without string) page.Filter {
	return page.Filter{Name: "sort", Label: "Order", Any: "By name", Value: by, Without: without,
		Options: []page.Option{{Value: newest, Label: "Newest first", Selected: by == newest}}}
}

// namesOf lists the names of a kind of which there are few, at most 1000.
func (p *Portal) namesOf(ctx context.Context, kind string) ([]string, error) {
	found, err := p.Objects.List(ctx, object.Query{Kind: kind, Limit: 1000})
	if err != nil {
		return nil, err
	}
	names := make([]string, len(found.Items))
	for i, d := range found.Items {
		names[i] = d.Name
	}
	return names, nil
}

// row is a service as JSON and CSV give it: what the page shows.
type row struct {
	Name        string            `json:"name"`
	Owner       string            `json:"owner"`
	Unconfirmed string            `json:"ownerSource,omitempty"`
	About       string            `json:"about"`
	States      map[string]string `json:"states"`
	Release     string            `json:"lastRelease,omitempty"`
	Outcome     string            `json:"lastReleaseOutcome,omitempty"`
	ReleasedAt  *time.Time        `json:"lastReleaseAt,omitempty"`
	ReleasedBy  string            `json:"lastReleaseBy,omitempty"`
	Rate        string            `json:"requestRate,omitempty"`
}

func plain(s page.Service) row {
	r := row{
		Name: s.Name, Owner: s.Owner, Unconfirmed: s.Unconfirmed, About: s.About, States: map[string]string{},
		Release: s.Release.Name, Outcome: s.Release.Word, ReleasedBy: s.Release.By, Rate: s.Traffic.Rate,
	}
	for _, at := range s.Places {
		r.States[at.Environment] = at.Word
	}
	if !s.Release.At.IsZero() {
		r.ReleasedAt = &s.Release.At
	}
	return r
}

func (p *Portal) servicesJSON(v *visit, rows []page.Service, next string) error {
	items := make([]row, len(rows))
	for i, s := range rows {
		items[i] = plain(s)
	}
	if next != "" {
		next = with(next, "format", "json")
	}
	body, err := json.Marshal(map[string]any{"items": items, "next": next})
	if err != nil {
		return err
	}
	return p.write(v, 200, "application/json", append(body, '\n'))
}

func (p *Portal) servicesCSV(v *visit, rows []page.Service) error {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write([]string{"name", "owner", "owner inferred from", "about", "states", "last release", "outcome", "at", "by", "request rate"}) // a buffer takes all
	for _, s := range rows {
		r := plain(s)
		var at string
		if r.ReleasedAt != nil {
			at = r.ReleasedAt.UTC().Format(time.RFC3339)
		}
		var in []string
		for _, place := range s.Places {
			in = append(in, place.Environment+" "+place.Word)
		}
		_ = w.Write([]string{r.Name, r.Owner, r.Unconfirmed, r.About, strings.Join(in, "; "), r.Release, r.Outcome, at, r.ReleasedBy, r.Rate})
	}
	w.Flush()
	v.w.Header().Set("Content-Disposition", `attachment; filename="services.csv"`)
	return p.write(v, 200, "text/csv; charset=utf-8", out.Bytes())
}
