package portal_test

import (
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/stoa-platform/stoa/client"
)

// fields gives what a browser would send of the forms of a page to an address.
func (a answer) fields(to string) url.Values {
	sent := url.Values{}
	for _, form := range a.all("form") {
		if attribute(form, "action") != to {
			continue
		}
		for _, input := range (answer{root: form}).all("input") {
			sent.Set(attribute(input, "name"), attribute(input, "value"))
		}
		for _, choice := range (answer{root: form}).all("select") {
			for _, option := range (answer{root: choice}).all("option") {
				if slices.ContainsFunc(option.Attr, func(at html.Attribute) bool { return at.Key == "selected" }) {
					sent.Set(attribute(choice, "name"), attribute(option, "value"))
				}
			}
		}
	}
	return sent
}

// told is what stands at the field of a measure.
func (a answer) told(measure string) string {
	for _, p := range a.all("p.field-told") {
		if attribute(p, "id") == "told."+measure {
			return (answer{root: p}).words()
		}
	}
	return ""
}

func (s *site) targets(t *testing.T) map[string]*client.Target {
	t.Helper()
	card, err := s.Scorecard(t.Context(), "balanced", nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*client.Target{}
	for _, r := range card.Rows {
		all[r.Measure] = r.Target
	}
	return all
}

// TestTargetsAreSetByAForm: what is wrong is told at its field and all that was
// typed stays; what is right is the scorecard's, with who, when and why.
func TestTargetsAreSetByAForm(t *testing.T) {
	s := empty(t)
	c := s.browserless(t, s.code(t))
	const path = "/scorecard/targets"
	post := func(who *http.Client, form url.Values) answer {
		t.Helper()
		began := time.Now()
		response, err := who.PostForm(s.url+path, form)
		if err != nil {
			t.Fatal(err)
		}
		return read(t, response, began)
	}
	shown := get(t, c, s.url+path).fields(path)
	for field, want := range map[string]string{
		"value.adoption-rate": "70", "op.adoption-rate": ">", "value.lead-time": "24", "op.lead-time": "<", "value.recovery-time": "-30", "value.cost-per-service": "500",
	} {
		if got := shown.Get(field); got != want {
			t.Errorf("the form shows %s as %q, want %q", field, got, want)
		}
	}
	before := s.targets(t)

	for name, wrong := range map[string]struct{ field, typed, told string }{
		"no number":         {"value.lead-time", "soon", `"soon" is no number`},
		"too large":         {"value.lead-time", "1e13", "must lie between -1e12 and 1e12"},
		"not one":           {"value.lead-time", "NaN", `"NaN" is no number`},
		"no way to compare": {"op.lead-time", "=>", `"=>" is not one of >, >=, <, <=`},
	} {
		t.Run(name, func(t *testing.T) {
			typed := maps.Clone(shown)
			typed.Set("value.adoption-rate", "80")
			typed.Set("op.adoption-rate", ">=")
			typed.Set("reason", "we aim higher")
			typed.Set(wrong.field, wrong.typed)
			a := post(c, typed)
			if a.StatusCode != http.StatusUnprocessableEntity || len(a.all("div.told-bad")) != 1 {
				t.Errorf("%s: %s", a.Status, a.text("main"))
			}
			contains(t, "the field", a.told("lead-time"), wrong.told)
			if others := a.all("p.field-told"); len(others) != 1 {
				t.Errorf("%d fields are told to be wrong", len(others))
			}
			kept := a.fields(path)
			if wrong.field == "op.lead-time" { // which no browser can send
				typed.Del(wrong.field)
			}
			if !maps.EqualFunc(kept, typed, slices.Equal) {
				t.Errorf("the form keeps %v, typed was %v", kept, typed)
			}
		})
	}
	if now := s.targets(t); !maps.EqualFunc(now, before, same) {
		t.Errorf("what was refused changed the targets to %v", now)
	}

	shown.Set("value.adoption-rate", " 80 ")
	shown.Set("op.adoption-rate", ">=")
	shown.Set("value.lead-time", "12,5") // as half of the world writes it
	shown.Set("value.recovery-time", "-40")
	shown.Set("value.feature-requests", "")
	shown.Set("reason", "we aim higher")
	a := post(c, shown)
	if a.StatusCode != http.StatusOK || a.Request.URL.Path != "/scorecard" {
		t.Fatalf("%s %s: %s", a.Request.URL, a.Status, a.text("main"))
	}
	contains(t, "the scorecard", a.text("div.told-good"), "The targets are set")
	contains(t, "the scorecard", a.text("tbody"), "≥ 80 %", "< 12.5 h")
	want := maps.Clone(before)
	want["adoption-rate"] = &client.Target{Op: ">=", Value: 0.8}
	want["lead-time"] = &client.Target{Op: "<", Value: 45000}
	want["recovery-time"] = &client.Target{Op: "<=", Value: -0.4, Relative: true}
	want["feature-requests"] = nil
	if now := s.targets(t); !maps.EqualFunc(now, want, same) {
		t.Errorf("the targets are %v, want %v", now, want)
	}
	if again := get(t, c, s.url+path).fields(path); again.Get("value.lead-time") != "12.5" || again.Get("op.adoption-rate") != ">=" || again.Get("value.feature-requests") != "" {
		t.Errorf("the form shows %v", again)
	}
	events, _, err := s.Events(t.Context(), client.EventQuery{Types: []string{"dev.stoa.scorecard."}})
	if err != nil || len(events) != 1 || events[0].Actor != "user/admin" || events[0].Subject != "scorecard/balanced" {
		t.Fatalf("%+v, %v", events, err)
	}
	contains(t, "the ledger", string(events[0].Data), `"we aim higher"`, `"portal"`)

	// Who may not change them is shown no form and changes nothing by sending it.
	if err := s.CreateAccount(t.Context(), "vic", ""); err != nil {
		t.Fatal(err)
	}
	if err := s.SetPassword(t.Context(), "vic", "", password); err != nil {
		t.Fatal(err)
	}
	vic := s.browserless(t, url.Values{"name": {"vic"}, "password": {password}})
	if links := get(t, vic, s.url+"/scorecard").all("a[href=/scorecard/targets?name=balanced]"); len(links) != 0 {
		t.Error("a viewer is led to the form")
	}
	shown.Set("value.adoption-rate", "1")
	for _, a := range []answer{get(t, vic, s.url+path), post(vic, shown)} {
		if a.StatusCode != http.StatusForbidden || len(a.fields(path)) != 0 {
			t.Errorf("a viewer is answered %s: %s", a.Status, a.text("main"))
		}
	}
	if now := s.targets(t); !maps.EqualFunc(now, want, same) {
		t.Errorf("a viewer changed the targets to %v", now)
	}
}

func same(a, b *client.Target) bool { return reflect.DeepEqual(a, b) }
