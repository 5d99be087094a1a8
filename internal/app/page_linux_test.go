package app_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/problem"
)

// TestPages reads lists page by page: each page goes on where its "next" says,
// the last one says "", and what is no page is told by the parameter's name.
func TestPages(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	for _, title := range []string{"One", "Two", "Three"} {
		doc := "{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: paged, title: " + title + "}, spec: {}}"
		if _, err := p.Apply(t.Context(), strings.NewReader(doc), "", "", false); err != nil {
			t.Fatal(err)
		}
	}
	q := client.EventQuery{Types: []string{"dev.stoa.team."}, Subject: "team/paged"}
	whole, next, err := p.Events(t.Context(), q)
	if err != nil || len(whole) != 3 || next != "" {
		t.Fatalf("%d events, next %q, %v", len(whole), next, err)
	}
	for name, newest := range map[string]bool{"before": true, "after": false} {
		q, want := q, seqs(whole)
		q.Limit = 2
		turn := &q.Before
		if !newest {
			slices.Reverse(want)
			turn, q.After = &q.After, "1"
		}
		got := pages(t, turn, func() ([]int64, string, error) {
			events, next, err := p.Events(t.Context(), q)
			return seqs(events), next, err
		})
		if !slices.Equal(got, want) {
			t.Errorf("by %s: events %v, want %v", name, got, want)
		}
	}
	var before string
	got := pages(t, &before, func() ([]int64, string, error) {
		revisions, next, err := p.History(t.Context(), "teams", "paged", before, 2)
		var versions []int64
		for _, r := range revisions {
			versions = append(versions, r.Version)
		}
		return versions, next, err
	})
	if !slices.Equal(got, []int64{3, 2, 1}) {
		t.Errorf("versions %v", got)
	}

	for parameter, ask := range map[string]func() error{
		"before": func() error { _, _, err := p.Events(t.Context(), client.EventQuery{Before: "x"}); return err },
		"after": func() error {
			return p.Tail(t.Context(), client.EventQuery{After: "-1"}, func(client.Event) error { return nil })
		},
	} {
		checkNoPage(t, parameter, ask())
	}
	_, _, err = p.History(t.Context(), "teams", "paged", "1.5", 0)
	checkNoPage(t, "before", err)
	_, _, err = p.Evidence(t.Context(), "deployments", url.Values{}, "99999999999999999999", 1)
	checkNoPage(t, "after", err)
}

func seqs(events []client.Event) []int64 {
	var all []int64
	for _, e := range events {
		all = append(all, e.Seq)
	}
	return all
}

// pages turns pages until there is none.
func pages(t *testing.T, turn *string, ask func() ([]int64, string, error)) []int64 {
	t.Helper()
	var all []int64
	for {
		page, next, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, page...); next == "" {
			return all
		}
		*turn = next
	}
}

func checkNoPage(t *testing.T, parameter string, err error) {
	t.Helper()
	told := problem.From(err)
	if told.Kind != problem.Invalid || len(told.Fields) != 1 || told.Fields[0].Path != "query."+parameter {
		t.Errorf("a bad %s is told as %v", parameter, err)
	}
}
