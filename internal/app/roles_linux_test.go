package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// What each role may do, written by hand from the description of the roles; it
// says the same as the matrix of package auth, and here the whole platform has
// to follow it. Objects of scope team are services, releases and secrets, of
// scope owners the teams themselves, of scope platform all else.
const law = `
verb   scope    team  | admin platform owner member viewer nobody
read   team     own   |   y      y       y      y      y      .
read   team     other |   y      y       y      y      y      .
read   owners   own   |   y      y       y      y      y      .
read   owners   other |   y      y       y      y      y      .
read   platform -     |   y      y       y      y      y      .
create team     own   |   y      y       y      y      .      .
create team     other |   y      y       .      .      .      .
create owners   -     |   y      y       .      .      .      .
create platform -     |   y      y       .      .      .      .
update team     own   |   y      y       y      y      .      .
update team     other |   y      y       .      .      .      .
update owners   own   |   y      y       y      .      .      .
update owners   other |   y      y       .      .      .      .
update platform -     |   y      y       .      .      .      .
delete team     own   |   y      y       y      y      .      .
delete team     other |   y      y       .      .      .      .
delete owners   own   |   y      y       y      .      .      .
delete owners   other |   y      y       .      .      .      .
delete platform -     |   y      y       .      .      .      .
logs   team     own   |   y      y       y      y      .      .
logs   team     other |   y      y       .      .      .      .
post   team     own   |   y      y       y      y      .      .
post   team     other |   y      y       .      .      .      .
audit  team     own   |   y      y       y      y      .      .
audit  team     other |   y      y       .      .      .      .
audit  team     -     |   y      y       .      .      .      .
manage platform -     |   y      .       .      .      .      .
`

// kindsOf lists the kinds of a scope, each with the spec of a valid object.
var kindsOf = map[string]map[string]string{
	"team": {
		"Service": "{}", "Secret": "{}", "Release": "", "System": "{}", "API": "{}",
		"Entity": "{format: backstage, type: Domain}",
	},
	"owners": {"Team": "{contact: fruit}"},
	"platform": {
		"User": "{}", "Environment": "{}", "Quota": "{services: 1000}", "Capability": "{}", "Segment": "{}", "Cohort": "{}",
		"Scorecard": "{rows: [{measure: lead-time}]}",
		"Webhook":   "{sender: github, secret: {name: own-there, key: GITHUB}}",
		"Policy":    `{require: "true", message: no}`,
		"Exception": "{gate: capability/deploy, target: team/own, reason: to see who may, approvers: [admin], sunset: " + time.Now().AddDate(0, 1, 0).UTC().Format(time.RFC3339) + "}",
	},
}

const people = `
apiVersion: stoa.dev/v1
kind: User
metadata: {name: %[1]s}
spec: {role: %[2]s}
---
`

func TestRoles(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func() string{
		"sqlite": func() string { return "" }, "postgres": func() string { return testenv.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) { testRoles(t, open(t, address())) })
	}
}

func testRoles(t *testing.T, p *platform) {
	asked := p.cast(t)
	lines := strings.Split(strings.TrimSpace(law), "\n")
	columns := strings.Fields(lines[0])[4:]
	for _, line := range lines[1:] {
		row := strings.Fields(line)
		verb, scope, team := row[0], row[1], strings.Trim(row[2], "-")
		for kind := range kindsOf[scope] {
			for i, column := range columns {
				allowed, ask := row[4+i] == "y", asked[column]
				err := try(t.Context(), ask, verb, kind, team)
				if errors.Is(err, errNotApplicable) {
					continue
				}
				want := problem.Forbidden
				if column == "nobody" {
					want = problem.Unauthenticated
				}
				switch {
				case allowed && err != nil:
					t.Errorf("%s may %s a %s of %q, and is told %v", column, verb, kind, team, err)
				case !allowed && !problem.Is(err, want):
					t.Errorf("%s may not %s a %s of %q, and is told %v, want %s", column, verb, kind, team, err, want)
				}
			}
		}
	}
}

// cast makes the people and the objects of the law and returns a client of each.
func (p *platform) cast(t *testing.T) map[string]*client.Client {
	t.Helper()
	var doc strings.Builder
	for _, user := range []string{"platform", "owner", "member", "viewer", "stranger"} {
		fmt.Fprintf(&doc, people, user, map[bool]string{true: "platform-member", false: "viewer"}[user == "platform"])
	}
	doc.WriteString(`
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: own}, spec: {owners: [owner], members: [member]}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: other}, spec: {owners: [stranger]}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: own-empty}, spec: {owners: [owner], members: [member]}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: other-empty}, spec: {owners: [stranger]}}
`)
	for kind, spec := range kindsOf["platform"] {
		fmt.Fprintf(&doc, "---\n{apiVersion: stoa.dev/v1, kind: %s, metadata: {name: there}, spec: %s}\n", kind, spec)
	}
	for _, team := range []string{"own", "other"} {
		for kind, spec := range kindsOf["team"] {
			if kind != "Service" && kind != "Release" { // they come with the releases below
				fmt.Fprintf(&doc, "---\n{apiVersion: stoa.dev/v1, kind: %s, metadata: {name: %s-there, owner: %s}, spec: %s}\n", kind, team, team, spec)
			}
		}
	}
	if _, err := p.Apply(t.Context(), strings.NewReader(doc.String()), "cast.yaml", "", false); err != nil {
		t.Fatalf("declare the people: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("<h1>fruit</h1>"), 0o600); err != nil {
		t.Fatal(err)
	}
	digest := uploadBy(t, p.Client, dir)
	for _, team := range []string{"own", "other"} {
		for range 2 { // the first can be deleted: it does not serve any more
			rel, err := p.Release(t.Context(), client.ReleaseSpec{Source: digest, Service: team + "-there"}, team, "", false)
			if err != nil {
				t.Fatal(err)
			}
			p.succeeded(t, rel.Metadata.Name)
		}
	}
	clients := map[string]*client.Client{"admin": p.Client, "nobody": p.as(t, "")}
	for _, user := range []string{"platform", "owner", "member", "viewer"} {
		if err := p.CreateAccount(t.Context(), user, user); err != nil {
			t.Fatalf("account of %s: %v", user, err)
		}
		_, token, err := p.CreateToken(t.Context(), client.NewToken{Name: user, Principal: "user/" + user})
		if err != nil {
			t.Fatalf("token of %s: %v", user, err)
		}
		clients[user] = p.as(t, token)
	}
	return clients
}

var errNotApplicable = errors.New("there is no such thing to try")

// try does the verb to an object of the kind that the team owns; nothing is
// changed by it.
func try(ctx context.Context, c *client.Client, verb, kind, team string) error {
	plural := strings.ToLower(kind) + "s"
	if before, ok := strings.CutSuffix(plural, "ys"); ok {
		plural = before + "ies"
	}
	there := strings.TrimPrefix(team+"-there", "-")
	switch {
	case kind == "Team" && verb == "delete":
		there = team + "-empty"
	case kind == "Team":
		there = team
	case kind == "Release":
		there += "-1"
	}
	declare := func(name string) error {
		owner := ""
		if team != "" && kind != "Team" {
			owner = ", owner: " + team
		}
		doc := fmt.Sprintf("{apiVersion: stoa.dev/v1, kind: %s, metadata: {name: %s%s, title: %s}, spec: %s}", kind, name, owner, verb, specOf(kind))
		_, err := c.Apply(ctx, strings.NewReader(doc), "try.yaml", "", true)
		return err
	}
	switch verb {
	case "read":
		_, err := c.Get(ctx, plural, there)
		_, listErr := c.List(ctx, plural, client.Query{})
		_, _, historyErr := c.History(ctx, plural, there, "", 0)
		return errors.Join(err, listErr, historyErr)
	case "create":
		if kind == "Release" {
			_, err := c.Release(ctx, client.ReleaseSpec{From: there, Environment: "dev"}, "", "", true)
			return err
		}
		return declare("new-one")
	case "update":
		if kind == "Release" {
			return errNotApplicable // it never changes
		}
		return declare(there)
	case "delete":
		_, err := c.Delete(ctx, plural, there, "", true)
		return err
	}
	// The other verbs are about a team's service, whatever the kind.
	if kind != "Service" && verb != "manage" {
		return errNotApplicable
	}
	switch verb {
	case "logs":
		return c.Logs(ctx, there, client.LogQuery{Environment: "dev"}, func(client.LogEntry) error { return nil })
	case "audit":
		_, _, err := c.Events(ctx, client.EventQuery{Team: team})
		return err
	case "post":
		who, err := c.WhoAmI(ctx)
		if err != nil {
			return err
		}
		body := fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"https://ci.example/%s/%s","type":"com.example.tested","team":%q,"service":%q}`,
			strings.TrimPrefix(who.Name, "user/"), team, team, there)
		_, err = c.Post(ctx, "application/cloudevents+json", strings.NewReader(body))
		return err
	case "manage":
		_, err := c.Accounts(ctx)
		return err
	}
	return fmt.Errorf("the law has a verb %q that nobody knows", verb)
}

func specOf(kind string) string {
	for _, kinds := range kindsOf {
		if spec, ok := kinds[kind]; ok {
			return spec
		}
	}
	return "{}"
}

// Every kind that the platform serves is in the law, so that a new one cannot
// be forgotten.
func TestRolesCoverEveryKind(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	kinds, err := p.Kinds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, of := range kindsOf {
		for kind := range of {
			known = append(known, kind)
		}
	}
	for _, kind := range kinds {
		if !slices.Contains(known, kind.Name) {
			t.Errorf("kind %s is in no row of the law", kind.Name)
		}
	}
	if len(kinds) != len(known) {
		t.Errorf("the law knows %d kinds, the platform %d", len(known), len(kinds))
	}
	if response, err := http.Get(strings.Replace(p.url, "localhost", "127.0.0.1", 1) + "/api/v1/whoami"); err != nil || response.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody is told %v, %v", response, err)
	}
}

// Nobody gains by declaring: not a role, not a team, not another team's service
// or secret.
func TestNobodyLiftsThemselves(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	asked := p.cast(t)
	service := func(name, owner, secret string) string {
		return fmt.Sprintf("{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: %s, owner: %s}, spec: {environments: {dev: {replicas: 1, secrets: [%s]}}}}", name, owner, secret)
	}
	for _, test := range []struct{ who, what, doc string }{
		{"platform", "make themselves admin", "{apiVersion: stoa.dev/v1, kind: User, metadata: {name: platform}, spec: {role: platform-admin}}"},
		{"member", "join another team", "{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: other, owner: own}, spec: {owners: [member]}}"},
		{"owner", "make a team that says it is theirs", "{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: brand-new, owner: own}, spec: {owners: [owner]}}"},
		{"owner", "call their team the platform's", "{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: own}, spec: {owners: [owner], platform: true}}"},
		{"member", "take a service", service("other-there", "own", "")},
		{"member", "give a service away", service("own-there", "other", "")},
		{"member", "read a secret by a service of their own", service("own-there", "own", "other-there")},
		{"owner", "read a secret by a new service", service("own-new", "own", "other-there")},
	} {
		if _, err := asked[test.who].Apply(t.Context(), strings.NewReader(test.doc), "", "", false); !problem.Is(err, problem.Forbidden) {
			t.Errorf("%s wants to %s, and is told %v", test.who, test.what, err)
		}
	}
	if _, err := asked["member"].Apply(t.Context(), strings.NewReader(service("own-new", "own", "own-there")), "", "", false); err != nil {
		t.Errorf("a member hands their team's secret to their team's service: %v", err)
	}
	// A service of one team cannot be scaled, rolled back or given secrets by another.
	c := asked["member"]
	_, scale := c.Scale(t.Context(), "other-there", "dev", 0, "")
	_, back := c.Rollback(t.Context(), "other-there", "dev", "other-there-1", "")
	_, restart := c.Restart(t.Context(), "other-there", "dev", "")
	for what, err := range map[string]error{
		"scale": scale, "roll back": back, "restart": restart,
		"set secrets of":   c.SetSecrets(t.Context(), "other-there", "dev", map[string]string{"KEY": "value"}),
		"unset secrets of": c.UnsetSecrets(t.Context(), "other-there", "dev", []string{"KEY"}),
		"erase people at":  c.ErasePerson(t.Context(), "owner"),
		"back up":          c.Backup(t.Context(), &strings.Builder{}),
		"export":           c.Export(t.Context(), &strings.Builder{}),
	} {
		if !problem.Is(err, problem.Forbidden) {
			t.Errorf("a member may %s another team: %v", what, err)
		}
	}
}
