package governance_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/governance"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type encoder interface{ Object() (object.Object, error) }

func encode(t *testing.T, o encoder) object.Object {
	t.Helper()
	raw, err := o.Object()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// stored is a store that holds the objects.
func stored(t *testing.T, objects ...encoder) *store.Store {
	t.Helper()
	fields := map[string][]string{}
	for _, k := range append(catalog.Kinds(), governance.Kinds(governance.NewPolicies())...) {
		fields[k.Name] = k.Fields
	}
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stoa.db"), store.Options{Fields: func(kind string) []string { return fields[kind] }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	err = s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
		for _, o := range objects {
			if _, err := tx.Put(ctx, encode(t, o)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// service is one with instances of a size in each environment.
func service(name, team string, replicas int, memory string) *catalog.Service {
	s := object.New[catalog.ServiceSpec, catalog.ServiceStatus](name, team, catalog.ServiceSpec{})
	if replicas > 0 {
		s.Spec.Environments = map[string]catalog.Running{"dev": {Replicas: replicas, Memory: memory}}
	}
	return &s
}

func quota(name string, spec governance.QuotaSpec) *governance.Quota {
	q := object.New[governance.QuotaSpec, struct{}](name, "", spec)
	return &q
}

func change(t *testing.T, wants ...encoder) *admission.Change {
	t.Helper()
	c := &admission.Change{By: auth.Principal{Name: "user/ann", Platform: auth.Viewer}, Now: now}
	for _, want := range wants {
		raw := encode(t, want)
		c.Add(&admission.Draft{Want: raw, Kind: object.Kind{Name: raw.Kind}})
	}
	return c
}

func TestQuotas(t *testing.T) {
	fruit := quota("fruit", governance.QuotaSpec{Team: "fruit", Services: 2, Instances: 4, Memory: "1Gi"})
	everybody := quota("everybody", governance.QuotaSpec{Services: 1})
	unlimited := quota("nuts", governance.QuotaSpec{Team: "nuts"})
	s := stored(t, fruit, everybody, unlimited, service("apple", "fruit", 2, "128Mi"), service("walnut", "nuts", 9, "9Gi"), service("kale", "greens", 1, ""))
	deleted := change(t, service("apple", "fruit", 0, ""))
	deleted.Drafts[0].Delete = true
	for name, test := range map[string]struct {
		change *admission.Change
		want   []string // outcome, unit, used → requested of limit
	}{
		"one more":                 {change(t, service("pear", "fruit", 1, "64Mi")), []string{"allow instances 2+1 of 4", "allow bytes 268435456+67108864 of 1073741824", "allow services 1+1 of 2"}},
		"two more":                 {change(t, service("pear", "fruit", 1, "1Mi"), service("plum", "fruit", 1, "1Mi")), []string{"allow instances 2+2 of 4", "allow bytes 268435456+2097152 of 1073741824", "deny services 1+2 of 2"}},
		"larger":                   {change(t, service("apple", "fruit", 5, "256Mi")), []string{"deny instances 2+3 of 4", "deny bytes 268435456+1073741824 of 1073741824"}},
		"memory that was not said": {change(t, service("apple", "fruit", 4, "")), []string{"allow instances 2+2 of 4", "allow bytes 268435456+805306368 of 1073741824"}},
		"smaller":                  {change(t, service("apple", "fruit", 1, "128Mi")), nil},
		"as it is":                 {change(t, service("apple", "fruit", 2, "128Mi")), nil},
		"from another team":        {change(t, service("walnut", "fruit", 9, "9Gi")), []string{"deny instances 2+9 of 4", "deny bytes 268435456+86973087744 of 1073741824", "allow services 1+1 of 2"}},
		"the quota of everybody":   {change(t, service("leek", "greens", 50, "")), []string{"deny services 1+1 of 1"}},
		"a team of its first":      {change(t, service("salt", "spices", 1, "")), []string{"allow services 0+1 of 1"}},
		"an own quota of no limit": {change(t, service("pecan", "nuts", 99, "99Gi")), nil},
		"a deletion":               {deleted, nil},
		"nothing about services":   {change(t, fruit), nil},
		"two teams":                {change(t, service("pear", "fruit", 0, ""), service("leek", "greens", 0, "")), []string{"allow services 1+1 of 2", "deny services 1+1 of 1"}},
	} {
		verdicts, err := governance.Quotas{}.Check(t.Context(), s, test.change)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, v := range verdicts {
			got = append(got, fmt.Sprintf("%s %s %.0f+%.0f of %.0f", v.Outcome, v.Unit, *v.Used, *v.Requested, *v.Limit))
			if v.Outcome == problem.Deny && (v.Message == "" || len(v.Next) == 0 || len(v.Why) == 0 || v.Decider == "") {
				t.Errorf("%s: a denial that does not help: %+v", name, v)
			}
		}
		slices.Sort(got)
		slices.Sort(test.want)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\n%q, want\n%q", name, got, test.want)
		}
	}
}

// What a refusal says to ask for instead is in all, not beside what there is,
// and asked for in the way that was taken.
func TestQuotaSaysWhatFits(t *testing.T) {
	fruit := quota("fruit", governance.QuotaSpec{Team: "fruit", Services: 3, Instances: 6, Memory: "1Gi"})
	owned := []encoder{service("apple", "fruit", 2, "128Mi"), service("pear", "fruit", 1, "128Mi")}
	release := object.New[releaseSpec, struct{}]("apple-2", "fruit", releaseSpec{Service: "apple", Environment: "dev"})
	declared := func(wants ...encoder) *admission.Change {
		c := change(t, wants...)
		for _, d := range c.Drafts {
			d.Lines = func(string) int { return 1 }
		}
		return c
	}
	const giveBack = "stoa down pear --env dev    gives its instance back"
	for name, test := range map[string]struct {
		change *admission.Change
		unit   string
		want   []string
	}{
		"scaled":           {change(t, service("apple", "fruit", 9, "128Mi")), "instances", []string{"stoa scale apple --replicas 5 --env dev    fits now", giveBack}},
		"released":         {change(t, &release, service("apple", "fruit", 9, "128Mi")), "instances", []string{"the same stoa up with --replicas 5    fits now", giveBack}},
		"declared":         {declared(service("apple", "fruit", 9, "128Mi")), "instances", []string{"spec.environments.dev.replicas: 5    in service apple fits now", giveBack}},
		"limits of two":    {change(t, service("apple", "fruit", 9, "256Mi")), "instances", []string{"stoa scale apple --replicas 3 --env dev    fits now", giveBack}},
		"memory, released": {change(t, &release, service("apple", "fruit", 4, "512Mi")), "bytes", []string{"the same stoa up with --memory 224Mi    fits now", "the same stoa up with --replicas 1    fits now", giveBack}},
		"memory, fewer":    {change(t, &release, service("apple", "fruit", 4, "300Mi")), "bytes", []string{"the same stoa up with --memory 224Mi    fits now", "the same stoa up with --replicas 2    fits now", giveBack}},
		"memory, declared": {declared(service("apple", "fruit", 1, "2Gi")), "bytes", []string{"spec.environments.dev.memory: 896Mi    in service apple fits now", giveBack}},
		"memory, scaled":   {change(t, service("apple", "fruit", 2, "512Mi")), "bytes", []string{"stoa scale apple --replicas 1 --env dev    fits now", giveBack}},
		"new":              {change(t, &release, service("plum", "fruit", 5, "64Mi")), "instances", []string{"the same stoa up with --replicas 3    fits now", "stoa scale apple --replicas 1 --env dev    gives the others back"}},
		"new, small":       {change(t, service("plum", "fruit", 4, "64Mi")), "instances", []string{"stoa scale plum --replicas 3 --env dev    fits now", "stoa scale apple --replicas 1 --env dev    makes room for it"}},
		"several at once":  {change(t, service("apple", "fruit", 5, "64Mi"), service("pear", "fruit", 5, "64Mi")), "instances", []string{"ask @platform to raise quota/fruit"}},
		"services":         {change(t, service("plum", "fruit", 0, ""), service("fig", "fruit", 0, "")), "services", []string{"ask for 1 of them    so many fit now", "stoa delete service NAME    removes one that is not used any more"}},
	} {
		verdicts, err := governance.Quotas{}.Check(t.Context(), stored(t, append(owned, fruit)...), test.change)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		at := slices.IndexFunc(verdicts, func(v problem.Verdict) bool { return v.Unit == test.unit && v.Outcome == problem.Deny })
		if at < 0 {
			t.Errorf("%s: no denial in %+v", name, verdicts)
		} else if diff := cmp.Diff(test.want, verdicts[at].Next); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A team that has all it may have is not told to ask for what it has.
func TestQuotaThatIsFull(t *testing.T) {
	s := stored(t, quota("fruit", governance.QuotaSpec{Team: "fruit", Instances: 2}), service("apple", "fruit", 2, ""))
	verdicts, err := governance.Quotas{}.Check(t.Context(), s, change(t, service("apple", "fruit", 3, "")))
	if err != nil || len(verdicts) != 1 {
		t.Fatalf("%+v, %v", verdicts, err)
	}
	if diff := cmp.Diff([]string{"ask @platform to raise quota/fruit"}, verdicts[0].Next); diff != "" {
		t.Error(diff)
	}
}

func TestExceptions(t *testing.T) {
	exception := func(name, gate, target string, sunset time.Time) *governance.Exception {
		e := object.New[governance.ExceptionSpec, struct{}](name, "", governance.ExceptionSpec{Gate: gate, Target: target, Sunset: sunset})
		return &e
	}
	later := now.Add(time.Hour)
	s := stored(t,
		exception("for-apple", "policy/ripe", "service/apple", later), exception("for-fruit", "quota/fruit", "team/fruit", later),
		exception("over", "policy/old", "service/apple", now), exception("odd", "policy/odd", "planet/apple", later))
	apple, pear, walnut := service("apple", "fruit", 1, ""), service("pear", "fruit", 1, ""), service("walnut", "nuts", 1, "")
	for name, test := range map[string]struct {
		gate   string
		change *admission.Change
		want   string
	}{
		"its service":                {"policy/ripe", change(t, apple), "for-apple"},
		"another service":            {"policy/ripe", change(t, pear), ""},
		"its service beside another": {"policy/ripe", change(t, apple, pear), ""},
		"another gate":               {"policy/unripe", change(t, apple), ""},
		"its team":                   {"quota/fruit", change(t, apple, pear), "for-fruit"},
		"its team beside another":    {"quota/fruit", change(t, apple, walnut), ""},
		"at its sunset":              {"policy/old", change(t, apple), ""},
		"an unknown target":          {"policy/odd", change(t, apple), ""},
		"no service at all":          {"quota/fruit", change(t), ""},
	} {
		got, err := governance.Exceptions{}.Lift(t.Context(), s, test.change, problem.Verdict{Gate: test.gate})
		if err != nil || got != test.want {
			t.Errorf("%s: %q (%v), want %q", name, got, err, test.want)
		}
	}
}

// An exception that would lift nothing is refused, or warned of where it may
// come to lift something.
func TestExceptionsOfWhatIsThere(t *testing.T) {
	exception := func(gate, target string) *governance.Exception {
		e := object.New[governance.ExceptionSpec, struct{}]("test", "", governance.ExceptionSpec{Gate: gate, Target: target, Sunset: now.Add(time.Hour)})
		return &e
	}
	team := object.New[catalog.TeamSpec, struct{}]("fruit", "fruit", catalog.TeamSpec{})
	nuts := object.New[catalog.TeamSpec, struct{}]("nuts", "nuts", catalog.TeamSpec{})
	deploy := object.New[catalog.CapabilitySpec, struct{}]("deploy", "fruit", catalog.CapabilitySpec{})
	s := stored(t, &team, &deploy, quota("fruit", governance.QuotaSpec{}), quota("greens", governance.QuotaSpec{}), service("apple", "fruit", 1, ""))
	for name, test := range map[string]struct {
		want     []encoder
		old      encoder
		wrong    string // what is told of the fields, "" if it is admitted
		warnings int
	}{
		"all there":                  {want: []encoder{exception("quota/fruit", "service/apple")}},
		"a team and a capability":    {want: []encoder{exception("capability/deploy", "team/fruit")}},
		"made by the same change":    {want: []encoder{exception("quota/nuts", "team/nuts"), quota("nuts", governance.QuotaSpec{}), &nuts}},
		"a service that may come":    {want: []encoder{exception("quota/fruit", "service/aple")}, warnings: 1},
		"a service that comes along": {want: []encoder{exception("quota/fruit", "service/pear"), service("pear", "fruit", 1, "")}},
		"no such quota":              {want: []encoder{exception("quota/frut", "team/fruit")}, wrong: "spec.gate: there is no quota/frut; there are quota/fruit, quota/greens"},
		"no policy at all":           {want: []encoder{exception("policy/ripe", "team/fruit")}, wrong: "spec.gate: there is no policy/ripe, nor any policy"},
		"no such kind of gate":       {want: []encoder{exception("wall/high", "team/fruit")}, wrong: "spec.gate: there is no wall/high; there are capability/deploy, quota/fruit, quota/greens"},
		"no such team":               {want: []encoder{exception("quota/fruit", "team/frut")}, wrong: "spec.target: there is no team/frut"},
		"a gate that has gone since": {want: []encoder{exception("policy/gone", "team/fruit")}, old: exception("policy/gone", "team/fruit")},
	} {
		c := change(t, test.want...)
		if test.old != nil {
			old := encode(t, test.old)
			c.Drafts[0].Old = &old
		}
		told := ""
		if err := governance.ExceptionRule().Admit(t.Context(), s, c, c.Drafts[0]); err != nil {
			for _, f := range problem.From(err).Fields {
				told += f.Path + ": " + f.Message
			}
		}
		if told != test.wrong {
			t.Errorf("%s: %q, want %q", name, told, test.wrong)
		}
		warned, err := governance.Targets{}.Check(t.Context(), s, c)
		if err != nil || len(warned) != test.warnings {
			t.Errorf("%s: %+v (%v), want %d warnings", name, warned, err, test.warnings)
		}
	}
}

// releaseSpec stands for the delivery room's.
type releaseSpec struct {
	Service     string              `json:"service"`
	Environment string              `json:"environment"`
	Detected    []map[string]string `json:"detected"`
}

func (releaseSpec) Kind() string { return "Release" }

// What a policy says to do can be run as it stands.
func TestPolicyNamesWhatItIsToldOf(t *testing.T) {
	release := object.New[releaseSpec, struct{}]("apple-1", "fruit", releaseSpec{Service: "apple", Environment: "dev"})
	policy := object.New[governance.PolicySpec, struct{}]("two", "", governance.PolicySpec{
		Require: "false", Message: "SERVICE of TEAM wants two in ENVIRONMENT, and no SERVICES", Next: []string{"stoa scale SERVICE --env ENVIRONMENT --replicas 2"},
	})
	verdicts, err := governance.NewPolicies().Check(t.Context(), stored(t, &policy), change(t, &release))
	if err != nil || len(verdicts) != 1 {
		t.Fatalf("%+v, %v", verdicts, err)
	}
	if v := verdicts[0]; v.Message != "apple of fruit wants two in dev, and no SERVICES" || !slices.Equal(v.Next, []string{"stoa scale apple --env dev --replicas 2"}) {
		t.Errorf("told %q, %q", v.Message, v.Next)
	}
}

func TestPolicies(t *testing.T) {
	release := object.New[releaseSpec, struct{}]("apple-1", "fruit", releaseSpec{
		Service: "apple", Environment: "dev", Detected: []map[string]string{{"field": "language", "value": "go"}},
	})
	team := object.New[catalog.TeamSpec, struct{}]("fruit", "fruit", catalog.TeamSpec{Contact: "#fruit"})
	env := object.New[catalog.EnvironmentSpec, struct{}]("dev", "", catalog.EnvironmentSpec{Order: 10})
	for _, test := range []struct{ match, require, outcome, want, text string }{
		{"", "true", "deny", "allow", ""},
		{"", "false", "deny", "deny", "says no"},
		{"", "false", "warn", "warn", "says no"},
		{"", "false", "", "deny", "says no"}, // what is not said is the stricter
		{"false", "false", "deny", "", ""},
		{`environment.spec.order == 10`, `detected["language"] == "go"`, "deny", "allow", ""},
		{`detected["language"] == "go"`, `service.spec.environments["dev"].replicas < 3`, "deny", "deny", "says no"},
		{"", `team.spec.contact == "#fruit" && team.metadata.name == "fruit"`, "deny", "allow", ""},
		{"", `principal.name == "user/ann" && !principal.bot`, "deny", "allow", ""},
		{"", `now < timestamp("2026-11-22T12:00:01Z")`, "deny", "allow", ""},
		{"", `release.spec.service == "apple"`, "deny", "allow", ""},
		{"", `service.spec.none == "x"`, "deny", "deny", "cannot be evaluated"},
		{`service.spec.none == "x"`, "true", "warn", "warn", "cannot be evaluated"},
		{"", `service.metadata.name`, "deny", "deny", "cannot be evaluated"}, // gives no bool
		{"", "no cel at all", "deny", "deny", "cannot be evaluated"},
		{"", `has(environment.spec.production) && environment.spec.production`, "deny", "deny", "says no"},
	} {
		policy := object.New[governance.PolicySpec, struct{}]("test", "", governance.PolicySpec{
			Match: test.match, Require: test.require, Outcome: test.outcome, Message: "the policy says no",
		})
		s := stored(t, &policy, &team, &env)
		verdicts, err := governance.NewPolicies().Check(t.Context(), s, change(t, &release, service("apple", "fruit", 3, "")))
		if err != nil {
			t.Fatalf("%q: %v", test.require, err)
		}
		if test.want == "" {
			if len(verdicts) > 0 {
				t.Errorf("%q is not about it, yet %+v", test.match, verdicts)
			}
			continue
		}
		if len(verdicts) != 1 || verdicts[0].Outcome != test.want || !strings.Contains(verdicts[0].Message, test.text) || verdicts[0].Gate != "policy/test" {
			t.Errorf("match %q require %q: %+v, want %s", test.match, test.require, verdicts, test.want)
		}
	}
}
