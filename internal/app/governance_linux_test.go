package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Quotas, policies and exceptions as people meet them: through the API.
func TestGovernance(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	digest := uploadBy(t, p.Client, static(t))
	g := &governed{platform: p, digest: digest}
	p.declare(t, `{apiVersion: stoa.dev/v1, kind: Quota, metadata: {name: fruit}, spec: {team: platform, services: 2, instances: 3, memory: 1Gi}}`)
	t.Run("quota", g.testQuota)
	t.Run("policy", g.testPolicy)
	t.Run("exception", g.testException)
	t.Run("question", g.testQuestion)
	p.verifyLedger(t)
}

type governed struct {
	*platform
	digest string
}

// static is a site that needs no build.
func static(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("fruit"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (p *platform) declare(t *testing.T, doc string) {
	t.Helper()
	if _, err := p.Apply(t.Context(), strings.NewReader(doc), "test.yaml", "", false); err != nil {
		t.Fatalf("apply %s: %v", doc, err)
	}
}

// ask tries a release without making one.
func (g *governed) ask(t *testing.T, service string, change func(*client.ReleaseSpec)) (client.Release, error) {
	t.Helper()
	spec := client.ReleaseSpec{Source: g.digest, Service: service}
	if change != nil {
		change(&spec)
	}
	return g.Release(t.Context(), spec, "", "", true)
}

// refused checks a refusal and returns it.
func refused(t *testing.T, err error, gate string, texts ...string) *problem.Problem {
	t.Helper()
	told := problem.From(err)
	if told.Kind != problem.Refused {
		t.Fatalf("it is %v, want a refusal by %s", err, gate)
	}
	i := slices.IndexFunc(told.Verdicts, func(v problem.Verdict) bool { return v.Gate == gate && v.Outcome == "deny" })
	if i < 0 {
		t.Fatalf("verdicts %+v, want a denial by %s", told.Verdicts, gate)
	}
	for _, text := range texts {
		if !strings.Contains(fmt.Sprint(told.Title, told.Why, told.Next), text) {
			t.Errorf("%q, why %q, next %q: without %q", told.Title, told.Why, told.Next, text)
		}
	}
	if told.Decider == "" {
		t.Error("nobody is named who decides")
	}
	return told
}

func (g *governed) testQuota(t *testing.T) {
	rel, err := g.Release(t.Context(), client.ReleaseSpec{Source: g.digest, Service: "apple"}, "", "", false)
	if err != nil {
		t.Fatalf("within the quota: %v", err)
	}
	g.succeeded(t, rel.Metadata.Name)
	gates := map[string]string{}
	for _, v := range rel.Status.Gates {
		gates[v.Unit] = v.Outcome + " " + v.Message
	}
	if got := gates["services"]; got != "allow services quota of team platform: 1 of 2" {
		t.Errorf("verdicts %v", gates)
	}
	_, err = g.ask(t, "pear", func(s *client.ReleaseSpec) { three := 3; s.Replicas = &three })
	told := refused(t, err, "quota/fruit", "1 of 3 used, this change asks for 3 more", "--replicas 2", "apple 1")
	for _, v := range told.Verdicts {
		if v.Unit == "instances" && (*v.Used != 1 || *v.Limit != 3 || *v.Requested != 3) {
			t.Errorf("used %v, limit %v, requested %v", *v.Used, *v.Limit, *v.Requested)
		}
	}
	_, err = g.ask(t, "pear", func(s *client.ReleaseSpec) { s.Memory = "800Mi" })
	refused(t, err, "quota/fruit", "256 MiB of 1 GiB used, this change asks for 800 MiB more")
	// Scaling goes the same way, and less is always possible.
	_, err = g.Scale(t.Context(), "apple", "dev", 4, "")
	refused(t, err, "quota/fruit")
	if _, err := g.Scale(t.Context(), "apple", "dev", 0, ""); err != nil {
		t.Errorf("scale down: %v", err)
	}
	// All gates speak at once, and two services in one change count together.
	doc := ""
	for _, name := range []string{"pear", "plum"} {
		doc += fmt.Sprintf("{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: %s, owner: platform}, spec: {environments: {dev: {replicas: 2}}}}\n---\n", name)
	}
	_, err = g.Apply(t.Context(), strings.NewReader(doc), "", "", false)
	told = refused(t, err, "quota/fruit")
	denied := 0
	for _, v := range told.Verdicts {
		if v.Outcome == "deny" {
			denied++
		}
	}
	if denied != 2 {
		t.Errorf("%d denials, want those of services and of instances: %+v", denied, told.Verdicts)
	}
	for _, name := range []string{"pear", "plum"} {
		if _, err := g.Get(t.Context(), "services", name); !problem.Is(err, problem.NotFound) {
			t.Errorf("%s of a refused change: %v", name, err)
		}
	}
	// Refusals are facts, those of a dry run are not.
	if n := g.refusals(t); n != 2 {
		t.Errorf("%d refusals in the ledger, want 2", n)
	}
}

// refusals counts the refusals in the ledger.
func (g *governed) refusals(t *testing.T) int {
	t.Helper()
	all := g.events(t, client.EventQuery{Types: []string{"dev.stoa.gate.refused"}})
	for _, e := range all {
		var data struct {
			Title    string
			Verdicts []problem.Verdict
			Surface  string
		}
		if err := json.Unmarshal(e.Data, &data); err != nil || data.Title == "" || len(data.Verdicts) == 0 || data.Surface != "cli" || e.Extensions["surface"] != "cli" || e.Capability == "" || e.Actor != "user/admin" || e.Team != "platform" {
			t.Errorf("refusal %+v %s: %v", e, e.Data, err)
		}
	}
	return len(all)
}

func policy(name, match, require, outcome string) string {
	doc, _ := json.Marshal(map[string]any{ // of strings: it cannot fail
		"apiVersion": "stoa.dev/v1", "kind": "Policy", "metadata": map[string]string{"name": name},
		"spec": map[string]any{"match": match, "require": require, "outcome": outcome, "message": "policy " + name + " says no", "next": []string{"do as " + name + " says"}},
	})
	return string(doc)
}

func (g *governed) testPolicy(t *testing.T) {
	g.declare(t, policy("no-apples", `environment.metadata.name == "dev"`, `!service.metadata.name.startsWith("apple")`, "deny"))
	_, err := g.ask(t, "apple", nil)
	refused(t, err, "policy/no-apples", "policy no-apples says no", "do as no-apples says")
	if _, err := g.ask(t, "pear", nil); err != nil {
		t.Errorf("one that the policy lets pass: %v", err)
	}
	if _, err := g.ask(t, "apple", func(s *client.ReleaseSpec) { s.Environment = "production" }); err != nil {
		t.Errorf("one that the policy is not about: %v", err)
	}

	g.declare(t, policy("no-apples", "", `detected["type"] != "static"`, "warn"))
	rel, err := g.ask(t, "apple", nil)
	if err != nil {
		t.Fatalf("a warning refuses: %v", err)
	}
	if !slices.ContainsFunc(rel.Status.Gates, func(v client.Verdict) bool { return v.Gate == "policy/no-apples" && v.Outcome == "warn" }) {
		t.Errorf("the warning is not told: %+v", rel.Status.Gates)
	}

	// One that cannot be evaluated on a release refuses it and says so.
	g.declare(t, policy("no-apples", "", `service.spec.sweetness > 3`, "deny"))
	_, err = g.ask(t, "apple", nil)
	refused(t, err, "policy/no-apples", "cannot be evaluated", "sweetness")
	// One that is no CEL, or gives no bool, is not taken.
	for _, broken := range []string{"fruit ==", "1 + 1", "unknown.variable"} {
		_, err := g.Apply(t.Context(), strings.NewReader(policy("broken", "", broken, "deny")), "policy.yaml", "", false)
		if told := problem.From(err); told.Kind != problem.Invalid || len(told.Fields) != 1 || told.Fields[0].Path != "spec.require" {
			t.Errorf("policy %q: %v", broken, err)
		}
	}
	// One that would take for ever is cut off.
	g.declare(t, policy("no-apples", "", `[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, a+b+c+d+e > 0)))))`, "deny"))
	started := time.Now()
	_, err = g.ask(t, "apple", nil)
	refused(t, err, "policy/no-apples", "cannot be evaluated", "cost")
	if took := time.Since(started); took > patience/4 {
		t.Errorf("it took %v", took)
	}
	if _, err := g.Delete(t.Context(), "policies", "no-apples", "", false); err != nil {
		t.Fatal(err)
	}
}

func exception(name, gate, target string, sunset time.Time) string {
	return fmt.Sprintf("{apiVersion: stoa.dev/v1, kind: Exception, metadata: {name: %s}, spec: {gate: %s, target: %s, reason: the harvest is late, approvers: [admin], sunset: %s}}",
		name, gate, target, sunset.UTC().Format(time.RFC3339Nano))
}

func (g *governed) testException(t *testing.T) {
	g.declare(t, policy("no-fruit", "", "false", "deny"))
	defer func() {
		if _, err := g.Delete(t.Context(), "policies", "no-fruit", "", false); err != nil {
			t.Error(err)
		}
	}()
	_, err := g.ask(t, "apple", nil)
	refused(t, err, "policy/no-fruit")

	sunset := time.Now().Add(6 * time.Second)
	g.declare(t, exception("harvest", "policy/no-fruit", "service/apple", sunset))
	rel, err := g.ask(t, "apple", nil)
	switch {
	case err != nil && time.Now().Before(sunset):
		t.Fatalf("with an exception: %v", err)
	case err == nil && !slices.ContainsFunc(rel.Status.Gates, func(v client.Verdict) bool { return v.Exception == "harvest" && v.Outcome == "allow" }):
		t.Errorf("the exception is not told: %+v", rel.Status.Gates)
	}
	_, err = g.ask(t, "pear", nil)
	refused(t, err, "policy/no-fruit")
	eventually(t, func() error { // it ends by itself
		if _, err := g.ask(t, "apple", nil); problem.Is(err, problem.Refused) {
			return nil
		}
		return fmt.Errorf("the exception still holds")
	})
	if time.Now().Before(sunset) {
		t.Error("the exception ended before its sunset")
	}
	for name, at := range map[string]time.Time{"past": time.Now().Add(-time.Hour), "for-ever": time.Now().AddDate(2, 0, 0)} {
		_, err := g.Apply(t.Context(), strings.NewReader(exception(name, "policy/no-fruit", "team/platform", at)), "", "", false)
		if told := problem.From(err); told.Kind != problem.Invalid || len(told.Fields) != 1 || told.Fields[0].Path != "spec.sunset" {
			t.Errorf("exception with a sunset %s: %v", name, err)
		}
	}
	g.declare(t, exception("for-the-team", "policy/no-fruit", "team/platform", time.Now().Add(time.Hour)))
	for _, service := range []string{"apple", "pear"} {
		if _, err := g.ask(t, service, nil); err != nil {
			t.Errorf("%s with an exception for its team: %v", service, err)
		}
	}
}

// What cannot be inferred is asked, once, and that it was asked is a fact.
func (g *governed) testQuestion(t *testing.T) {
	for _, team := range []string{"north", "south"} {
		g.declare(t, fmt.Sprintf("{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: %s}, spec: {owners: [admin]}}", team))
	}
	eventually(t, func() error { // memberships are read anew after a moment
		_, err := g.ask(t, "quince", nil)
		if told := problem.From(err); told.Kind != problem.Invalid || told.Question == nil || told.Question.Field != "team" || len(told.Question.Options) != 3 {
			return fmt.Errorf("in three teams it is told %v", err)
		}
		return nil
	})
	if _, err := g.Release(t.Context(), client.ReleaseSpec{Source: g.digest, Service: "quince"}, "", "", false); problem.From(err).Question == nil {
		t.Fatalf("it is told %v", err)
	}
	asked := g.events(t, client.EventQuery{Types: []string{"dev.stoa.input.asked"}})
	if len(asked) != 1 || asked[0].Actor != "user/admin" || asked[0].Capability != "deploy" || asked[0].Extensions["question"] != "team" {
		t.Errorf("asked %+v", asked)
	}
	rel, err := g.Release(t.Context(), client.ReleaseSpec{Source: g.digest, Service: "quince", Answers: map[string]string{"team": "north"}}, "", "", false)
	if err != nil || rel.Metadata.Owner != "north" {
		t.Fatalf("with the answer: owner %q, %v", rel.Metadata.Owner, err)
	}
	answered := g.events(t, client.EventQuery{Types: []string{"dev.stoa.input.answered"}})
	if len(answered) != 1 || answered[0].Actor != "user/admin" || answered[0].Subject != "release/"+rel.Metadata.Name || string(answered[0].Data) != `{"answer":"north","id":"team"}` {
		t.Errorf("answered %+v", answered)
	}
	g.succeeded(t, rel.Metadata.Name)
}
