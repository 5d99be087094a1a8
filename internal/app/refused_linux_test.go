package app_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/problem"
)

// What a role does not allow, a look as well as a change, is in the ledger once
// for each try: who, of which team, of which capability, through which door.
func TestEveryRefusalIsAnEvent(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	asked := p.cast(t)
	member := asked["member"]
	// Of one team only, so that there is no doubt whose try it is.
	p.declare(t, "{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: own-empty}, spec: {owners: [owner]}}")
	before := p.refusals(t)
	ignore := func(client.LogEntry) error { return nil }
	tries := map[string]struct {
		try func(ctx context.Context) error
		is  refusal
	}{
		"logs of another team": {func(ctx context.Context) error { return member.Logs(ctx, "other-there", client.LogQuery{}, ignore) }, refusal{"logs Service", "logs", "cli"}},
		"the ledger of all":    {func(ctx context.Context) error { _, _, err := member.Events(ctx, client.EventQuery{}); return err }, refusal{"audit Service", "audit", "cli"}},
		"a backup":             {func(ctx context.Context) error { return member.Backup(ctx, &strings.Builder{}) }, refusal{"manage", "administration", "cli"}},
		"an erasure":           {func(ctx context.Context) error { return member.ErasePerson(ctx, "owner") }, refusal{"manage", "administration", "cli"}},
		"another's account":    {func(ctx context.Context) error { return member.CreateAccount(ctx, "owner", "") }, refusal{"manage", "administration", "cli"}},
		"to shut out another":  {func(ctx context.Context) error { return member.DisableAccount(ctx, "owner", true) }, refusal{"manage", "administration", "cli"}},
		"a change": {func(ctx context.Context) error {
			_, err := member.Scale(ctx, "other-there", "dev", 0, "")
			return err
		}, refusal{"update Service", "deploy", "cli"}},
		"a dry run": {func(ctx context.Context) error {
			doc := "{apiVersion: stoa.dev/v1, kind: User, metadata: {name: member}, spec: {role: platform-admin}}"
			_, err := member.Apply(ctx, strings.NewReader(doc), "", "", true)
			return err
		}, refusal{}},
	}
	want := map[refusal]int{}
	for what, try := range tries {
		for range 2 {
			if err := try.try(t.Context()); !problem.Is(err, problem.Forbidden) {
				t.Errorf("%s: %v, want it refused", what, err)
			}
		}
		if try.is != (refusal{}) {
			want[try.is] += 2
		}
	}
	_, token, err := p.CreateToken(t.Context(), client.NewToken{Name: "pages", Principal: "user/member"})
	if err != nil {
		t.Fatal(err)
	}
	page := func(path string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(p.url, "localhost", "127.0.0.1", 1)+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("the page %s is answered %s", path, response.Status)
		}
	}
	page("/services/other-there/logs")
	page("/audit?team=other")
	want[refusal{"logs Service", "logs", "portal"}]++
	want[refusal{"audit Service", "audit", "portal"}]++
	p.stop() // what was gathered is recorded with its end
	p.reopen(t)
	after := p.refusals(t)
	for is, n := range want {
		if got := after[is] - before[is]; got != n {
			t.Errorf("%+v was refused %d times, and told %d times", is, n, got)
		}
	}
	for is, n := range after {
		if n > before[is]+want[is] {
			t.Errorf("%+v was told %d times, and refused %d times", is, n, before[is]+want[is])
		}
	}
}

// refusal is what one event tells of: what, the capability, the surface.
type refusal struct{ refused, capability, surface string }

// refusals counts those in the ledger, which are all of the same member.
func (p *platform) refusals(t *testing.T) map[refusal]int {
	t.Helper()
	told := map[refusal]int{}
	for _, e := range p.events(t, client.EventQuery{Types: []string{"dev.stoa.access.refused"}}) {
		n, err := strconv.Atoi(e.Extensions["count"])
		if err != nil || e.Actor != "user/member" || e.Team != "own" || len(e.Data) > 0 {
			t.Errorf("a refusal is told as %+v (%v)", e, err)
		}
		told[refusal{e.Extensions["refused"], e.Capability, e.Extensions["surface"]}] += n
	}
	return told
}
