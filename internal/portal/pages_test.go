package portal_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/problem"
)

// answer is one page as it was sent.
type answer struct {
	*http.Response
	body string
	root *html.Node
	took time.Duration // until the first byte of the body could be read
}

func get(t *testing.T, c *http.Client, address string) answer {
	t.Helper()
	began := time.Now()
	response, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, response, began)
}

func read(t *testing.T, response *http.Response, began time.Time) answer {
	t.Helper()
	took := time.Since(began)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	return answer{response, string(body), root, took}
}

// all finds the elements that a selector of the form "tag.class#id[attribute]"
// names, each part optional.
func (a answer) all(selector string) []*html.Node {
	var found []*html.Node
	for n := range a.root.Descendants() {
		if n.Type == html.ElementNode && fits(n, selector) {
			found = append(found, n)
		}
	}
	return found
}

func fits(n *html.Node, selector string) bool {
	for len(selector) > 0 {
		end := strings.IndexAny(selector[1:], ".#[") + 1
		if end == 0 {
			end = len(selector)
		}
		part := selector[:end]
		selector = selector[end:]
		switch part[0] {
		case '.':
			if !slices.Contains(strings.Fields(attribute(n, "class")), part[1:]) {
				return false
			}
		case '#':
			if attribute(n, "id") != part[1:] {
				return false
			}
		case '[':
			name, value, _ := strings.Cut(strings.Trim(part, "[]"), "=")
			if attribute(n, name) != value {
				return false
			}
		default:
			if n.Data != part {
				return false
			}
		}
	}
	return true
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text joins what the found elements say.
func (a answer) text(selector string) string {
	var words []string
	for _, n := range a.all(selector) {
		if said := (answer{root: n}).words(); said != "" {
			words = append(words, said)
		}
	}
	return strings.Join(words, " ")
}

// words are all that it says.
func (a answer) words() string {
	var words []string
	for d := range a.root.Descendants() {
		if d.Type == html.TextNode {
			words = append(words, strings.Fields(d.Data)...)
		}
	}
	return strings.Join(words, " ")
}

func TestNobodyKnownIsLedToTheDoor(t *testing.T) {
	s := seeded(t)
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, p := range slices.Concat(logs(), pages()) {
		a := get(t, c, s.url+p.path)
		to, err := a.Location()
		if err != nil || a.StatusCode != http.StatusSeeOther || to.Path != "/signin" {
			t.Errorf("%s: %s to %v", p.path, a.Status, to)
		}
	}
	for _, path := range []string{"/services/hello/live?env=dev", "/services/hello/logs/live?env=dev", "/releases/hello-1/live"} {
		r, _ := http.NewRequest(http.MethodGet, s.url+path, nil)
		r.Header.Set("Accept", "text/event-stream")
		response, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if a := read(t, response, time.Now()); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	for _, next := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"} {
		response, err := c.PostForm(s.url+"/signin", url.Values{"code": s.code(t)["code"], "next": {next}})
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if to := response.Header.Get("Location"); to != "/" {
			t.Errorf("signing in leads to %q", to)
		}
	}
}

func TestLookingUsesNoCode(t *testing.T) {
	s := seeded(t)
	code := s.code(t)
	for range 3 {
		a := get(t, http.DefaultClient, s.url+"/signin?"+code.Encode())
		if len(a.all("input[name=code]")) != 1 || len(a.all("input[name=password]")) != 0 {
			t.Fatalf("the page does not show one button: %s", a.body)
		}
	}
	c := s.browserless(t, code)
	if a := get(t, c, s.url+"/"); a.StatusCode != http.StatusOK {
		t.Errorf("signed in: %s", a.Status)
	}
	response, err := http.PostForm(s.url+"/signin", code)
	if err != nil {
		t.Fatal(err)
	}
	if a := read(t, response, time.Now()); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.text("div.told-bad"), "no longer works") {
		t.Errorf("the code works twice: %s %s", a.Status, a.text("div.told-bad"))
	}
}

func TestEveryPageIsProtectedAndFast(t *testing.T) {
	s := seeded(t)
	c := s.browserless(t, s.code(t))
	for _, p := range slices.Concat(logs(), pages()) {
		a := get(t, c, s.url+p.path)
		if want := max(p.status, http.StatusOK); a.StatusCode != want {
			t.Errorf("%s: %s, want %d: %s", p.path, a.Status, want, a.text("main"))
		}
		for header, want := range map[string]string{
			"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if got := a.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q", p.path, header, got)
			}
		}
		if csp := a.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", p.path, csp)
		}
		for n := range a.root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if attribute(n, "style") != "" || n.Data == "script" && attribute(n, "src") == "" || n.Data == "style" && n.Parent.Data != "svg" {
				t.Errorf("%s: <%s> carries its own script or style", p.path, n.Data)
			}
			for _, at := range n.Attr {
				if strings.HasPrefix(at.Key, "on") {
					t.Errorf("%s: <%s> has a handler %s", p.path, n.Data, at.Key)
				}
			}
		}
		if len(a.all("h1")) != 1 {
			t.Errorf("%s: %d h1", p.path, len(a.all("h1")))
		}
		for _, at := range a.all("time") {
			if attribute(at, "datetime") == "" || !strings.Contains(attribute(at, "title"), "UTC") {
				t.Errorf("%s: a time without its absolute value: %v", p.path, at.Attr)
			}
		}
		if best := fastest(t, c, s.url+p.path); best > firstByte {
			t.Errorf("%s: first byte after %v", p.path, best)
		}
	}
}

// firstByte is how long a page may take until it comes.
const firstByte = slowness * 100 * time.Millisecond

// fastest is the best of some tries: what the page costs, not what else the
// machine does.
func fastest(t *testing.T, c *http.Client, address string) time.Duration {
	t.Helper()
	best := time.Hour
	for range 5 {
		best = min(best, get(t, c, address).took)
	}
	return best
}

func TestFailuresAreTold(t *testing.T) {
	s := seeded(t)
	admin := s.browserless(t, s.code(t))
	ann := s.browserless(t, url.Values{"name": {"ann"}, "password": {password}})
	for _, c := range []struct {
		who    *http.Client
		path   string
		status int
		says   string
	}{
		{admin, "/nowhere", 404, "there is no page /nowhere"},
		{admin, "/services/nowhere", 404, `there is no service "nowhere"`},
		{admin, "/services/hello?env=mars", 404, `service hello is not in environment mars`},
		{admin, "/releases/hello-99", 404, `there is no release "hello-99"`},
		{admin, "/teams/nobody", 404, `there is no team "nobody"`},
		{admin, "/audit/999999", 404, "there is no event 999999"},
		{admin, "/services?state=odd", 422, `there is no state "odd"`},
		{admin, "/services?after=x", 422, ""},
		{admin, "/services/hello/logs?grep=[", 422, "is no regular expression"},
		{ann, "/services/index/logs", 403, "not allowed"},
		{ann, "/audit?team=search", 403, "not allowed"},
		{ann, "/audit", 200, ""},
	} {
		a := get(t, c.who, s.url+c.path)
		if a.StatusCode != c.status || c.status != 200 && len(a.all("div.told-bad")) == 0 || !strings.Contains(a.text("div.told-bad"), c.says) {
			t.Errorf("%s: %s, says %q", c.path, a.Status, a.text("div.told-bad"))
		}
	}
	page := get(t, ann, s.url+"/services/index")
	if got := page.text("p.why-not"); !strings.Contains(got, "Only team search can change it") || len(page.all("div.verbs")) != 0 {
		t.Errorf("who may not change a service is told %q: %s %s", got, page.Status, page.text("main"))
	}
	response, err := ann.PostForm(s.url+"/services/index/scale", url.Values{"env": {"dev"}, "replicas": {"5"}, "reason": {"mine"}})
	if err != nil {
		t.Fatal(err)
	}
	if a := read(t, response, time.Now()); a.StatusCode != http.StatusForbidden || attribute(a.all("input#reason")[0], "value") != "mine" {
		t.Errorf("a foreign service is scaled: %s", a.Status)
	}
	refused, err := admin.PostForm(s.url+"/services/hello/scale", url.Values{"env": {"dev"}, "replicas": {"40"}})
	if err != nil {
		t.Fatal(err)
	}
	if a := read(t, refused, time.Now()); a.StatusCode != http.StatusForbidden || !strings.Contains(a.text("div.told-bad"), "instances quota of team payments") {
		t.Errorf("over quota: %s %s", a.Status, a.text("div.told-bad"))
	}
	foreign, _ := http.NewRequest(http.MethodPost, s.url+"/services/hello/restart", strings.NewReader("env=dev"))
	foreign.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	foreign.Header.Set("Sec-Fetch-Site", "same-site")
	response, err = admin.Do(foreign)
	if err != nil {
		t.Fatal(err)
	}
	if a := read(t, response, time.Now()); a.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another origin restarts a service: %s", a.Status)
	}
}

func TestListsSayTheSameInEveryFormat(t *testing.T) {
	s := seeded(t)
	c := s.browserless(t, s.code(t))
	page := get(t, c, s.url+"/services?owner=payments&env=dev")
	rows := len(page.all("a.row-link"))
	if rows != 3 {
		t.Fatalf("%d services of payments in dev: %s", rows, page.text("tbody"))
	}
	var list struct {
		Items []struct {
			Name, Owner string
			States      map[string]string
		} `json:"items"`
	}
	if err := json.Unmarshal([]byte(get(t, c, s.url+"/services?owner=payments&env=dev&format=json").body), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != rows || list.Items[2].Name != "invoices" || list.Items[2].States["dev"] != "failed" {
		t.Errorf("JSON lists %+v", list.Items)
	}
	csv := get(t, c, s.url+"/services?owner=payments&env=dev&format=csv").body
	if lines := strings.Count(csv, "\n"); lines != rows+1 || !strings.Contains(csv, "invoices,payments") {
		t.Errorf("CSV lists %q", csv)
	}
	if got := page.text("aside.same"); got != "" {
		t.Errorf("no command lists by environment, and it shows %q", got)
	}
	if got := get(t, c, s.url+"/services?owner=payments").text("aside.same"); !strings.Contains(got, "stoa get services --owner payments") {
		t.Errorf("the command is %q", got)
	}
	for _, list := range []struct{ path, csv, want string }{
		{"/audit?service=hello", "/audit?service=hello&format=csv", "seq,time,type,who,about,team,service,environment,proof"},
		{"/services/hello/releases?env=dev", "/services/hello/releases?env=dev&table=releases&format=csv", "name,environment,cause,outcome,at,by,why,commit,took,serves\nhello-2,dev,deploy,succeeded,"},
		{"/teams", "/teams?table=teams&format=csv", "name,members,services,reached,of,contact,platform\n"},
	} {
		shown := len(get(t, c, s.url+list.path).all("a.row-link")) + len(get(t, c, s.url+list.path).all("a.need-title"))
		if csv := get(t, c, s.url+list.csv).body; !strings.HasPrefix(csv, list.want) || strings.Count(csv, "\n") != shown+1 {
			t.Errorf("%s shows %d rows, its file is %.300q", list.path, shown, csv)
		}
	}
	if got := get(t, c, s.url+"/services/hello/releases?env=dev").text("aside.same"); !strings.Contains(got, "stoa get releases --field spec.service=hello --field spec.environment=dev --newest") {
		t.Errorf("the command is %q", got)
	}
	filtered := get(t, c, s.url+"/audit?service=hello&team=payments")
	if chips := filtered.all("a.chip"); len(chips) != 2 || attribute(chips[0], "href") != "/audit?service=hello" || attribute(chips[1], "href") != "/audit?team=payments" {
		t.Errorf("%d chips, or they do not take their own filter away: %q", len(chips), filtered.text("div.chips"))
	}
	if got := filtered.text("div.chips"); !strings.Contains(got, "Service: hello") || !strings.Contains(got, "Team: payments") {
		t.Errorf("the filters in force are %q", got)
	}
	var events struct {
		Items []map[string]any `json:"items"`
	}
	if err := json.Unmarshal([]byte(get(t, c, s.url+"/audit?service=hello&format=json").body), &events); err != nil || len(events.Items) == 0 {
		t.Errorf("%d events: %v", len(events.Items), err)
	}
}

// What built a release is read on its page also when it is long over, by those who may
// read the service's logs.
func TestBuildOutputIsKept(t *testing.T) {
	s := seeded(t)
	if told := get(t, s.browserless(t, s.code(t)), s.url+"/releases/hello-1").text("div.log-lines"); !strings.Contains(told, "go build") {
		t.Errorf("the page of a release shows %q of its build", told)
	}
	var printed strings.Builder
	if err := s.BuildOutput(t.Context(), "hello-1", &printed); err != nil || !strings.Contains(printed.String(), "go build") {
		t.Errorf("the API gives %q (%v)", printed.String(), err)
	}
	if err := s.BuildOutput(t.Context(), "invoices-1", io.Discard); !problem.Is(err, problem.NotFound) {
		t.Errorf("of one that was not built: %v", err)
	}
}

func TestTrafficIsCounted(t *testing.T) {
	s := seeded(t)
	c := s.browserless(t, s.code(t))
	const sent = 40
	before := requests(t, c, s)
	for range sent {
		if err := s.visit(t.Context(), "hello.production", "/counted"); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(patience); ; {
		if got := requests(t, c, s) - before; got >= sent/2 && got <= 3*sent {
			break // a rate is extrapolated to the edges of its window
		} else if time.Now().After(deadline) {
			t.Fatalf("%d requests are shown after %d were sent", got, sent)
		}
		<-time.After(500 * time.Millisecond)
	}
}

// requests reads off the page how many requests hello had in production.
func requests(t *testing.T, c *http.Client, s *site) int {
	t.Helper()
	a := get(t, c, s.url+"/services/hello?env=production&range=15m")
	if a.StatusCode != http.StatusOK {
		t.Fatalf("the page with the traffic: %s: %s", a.Status, a.text("main"))
	}
	var n int
	for _, head := range a.all("div.chart-head") {
		text := answer{root: head}.text("span.chart-summary")
		if _, err := fmt.Sscanf(strings.ReplaceAll(text, ",", ""), "%d request", &n); err == nil {
			return n
		}
	}
	return 0
}

// TestManyServices keeps the list, its filters and the search fast with a crowd
// of ten thousand.
func TestManyServices(t *testing.T) {
	s := empty(t)
	var many strings.Builder
	for i := range crowd {
		fmt.Fprintf(&many, "{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: svc-%05d, owner: platform}, spec: {type: backend, language: go, environments: {dev: {replicas: 0}}}}\n---\n", i)
	}
	if _, err := s.Apply(t.Context(), strings.NewReader(many.String()), "many.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	c := s.browserless(t, s.code(t))
	for _, path := range []string{
		"/", "/services", "/services?q=svc-0777", "/services?owner=platform", "/services?env=dev", "/services?state=running", "/services?env=dev&state=never+released",
		"/search?q=svc", "/search?q=svc-00999&format=json", "/teams/platform",
	} {
		best := fastest(t, c, s.url+path)
		t.Logf("%-45s %v", path, best)
		if best > firstByte {
			t.Errorf("%s: first byte after %v", path, best)
		}
	}
	// The pages follow each other without a gap or a repetition.
	seen := map[string]bool{}
	for next := "/services?env=dev"; next != ""; {
		a := get(t, c, s.url+next)
		for _, row := range a.all("a.row-link") {
			name := attribute(row, "href")
			if seen[name] {
				t.Fatalf("%s is listed twice", name)
			}
			seen[name] = true
		}
		next = ""
		for _, link := range a.all("a[rel=next]") {
			next = attribute(link, "href")
		}
	}
	if len(seen) != crowd {
		t.Errorf("the pages list %d services", len(seen))
	}
}

// A visit to the log is a use of logs, which is a milestone of the team.
func TestUseIsCounted(t *testing.T) {
	s := seeded(t)
	c := s.browserless(t, map[string][]string{"name": {"ann"}, "password": {password}})
	get(t, c, s.url+"/services/checkout/logs")
	for deadline := time.Now().Add(patience); ; {
		events, _, err := s.Events(t.Context(), client.EventQuery{Team: "payments", Types: []string{"dev.stoa.usage.recorded"}})
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(events, func(e client.Event) bool { return e.Capability == "logs" && e.Extensions["surface"] == "portal" }) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d events of usage, none of logs through the portal", len(events))
		}
		<-time.After(500 * time.Millisecond)
	}
}
