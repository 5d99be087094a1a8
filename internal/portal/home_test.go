package portal_test

import (
	"fmt"
	"strings"
	"testing"
)

// Of more services than the first page looks after it looks after the newest of
// all one's teams, and what waits for a person there is seen.
func TestNewestServicesOfAllTeams(t *testing.T) {
	s := empty(t)
	const unsure = "{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: %s, owner: late}, spec: {type: backend, ownerSource: \"CODEOWNERS:3\"}}\n"
	var many strings.Builder
	for i := range 50 {
		fmt.Fprintf(&many, "---\n{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: early-%02d, owner: early}}\n", i)
	}
	for _, text := range []string{
		"{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: early}, spec: {members: [admin]}}\n---\n" +
			"{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: late}, spec: {members: [admin]}}\n---\n" + fmt.Sprintf(unsure, "oldest"),
		many.String(),
		fmt.Sprintf(unsure, "newest"),
	} {
		if _, err := s.Apply(t.Context(), strings.NewReader(text), "teams.yaml", "", false); err != nil {
			t.Fatal(err)
		}
	}
	home := get(t, s.browserless(t, s.code(t)), s.url+"/")
	if said := home.text("main"); !strings.Contains(said, "Of your 50 newest services") || !strings.Contains(said, "1 thing waits for you") || !strings.Contains(said, "newest: owner late") {
		t.Errorf("the first page says: %.600s", said)
	}
	if rows := home.all("a.row-link"); len(rows) != 50 || attribute(rows[0], "href") != "/services/newest" {
		t.Errorf("%d services, not 50 of which newest is the first", len(rows))
	}
}
