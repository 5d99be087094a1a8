package logs

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// History and what comes meet without a gap and without a double.
func TestFollowMeetsHistory(t *testing.T) {
	s := open(t, t.TempDir(), Options{Limits: Limits{SegmentBytes: 10_000}})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	const lines = 5000
	var writers sync.WaitGroup
	for instance := range 3 {
		writers.Go(func() {
			w := s.Writer("shop", "dev", "1", fmt.Sprint(instance), StreamStdout)
			defer w.Close()
			for i := range lines {
				fmt.Fprintln(w, i)
			}
		})
	}
	var followers sync.WaitGroup
	for range 4 {
		followers.Go(func() {
			next := map[string]int{}
			n := 0
			for e, err := range s.Follow(ctx, Filter{Service: "shop", Since: time.Unix(0, 0)}) {
				if err != nil {
					t.Error(err)
					return
				}
				if e.Line != fmt.Sprint(next[e.Instance]) {
					t.Errorf("instance %s: %q, want %d", e.Instance, e.Line, next[e.Instance])
					return
				}
				next[e.Instance]++
				if n++; n == 3*lines {
					return
				}
			}
			t.Errorf("ended after %d", n)
		})
	}
	writers.Wait()
	followers.Wait()
	if n := len(s.followers.all()); n != 0 {
		t.Errorf("%d followers left", n)
	}
}

func TestFollowFilters(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	before := s.Writer("shop", "dev", "1", "a", StreamStdout)
	io.WriteString(before, "old match\nlast match\n")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got := make(chan string)
	go func() {
		defer close(got)
		for e := range s.Follow(ctx, Filter{Service: "shop", Environment: "dev", Stream: StreamStdout, Grep: regexp.MustCompile("match"), Tail: 1}) {
			got <- e.Line
		}
	}()
	if line := <-got; line != "last match" {
		t.Errorf("history %q", line)
	}
	io.WriteString(s.Writer("shop", "prod", "1", "a", StreamStdout), "match elsewhere\n")
	io.WriteString(s.Writer("other", "dev", "1", "a", StreamStdout), "match of other\n")
	io.WriteString(s.Writer("shop", "dev", "1", "a", StreamStderr), "match of stderr\n")
	io.WriteString(before, "nothing\nnew match\n")
	if line := <-got; line != "new match" {
		t.Errorf("live %q", line)
	}
	cancel()
	if line, open := <-got; open {
		t.Errorf("after the end %q", line)
	}
}

func TestSlowFollowerIsToldWhatItMissed(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	w := s.Writer("shop", "dev", "1", "a", StreamStdout)
	wrote := make(chan struct{})
	line := strings.Repeat("x", 50_000) + "\n"
	go func() {
		eventually(t, "followed", func() bool { return len(s.followers.all()) == 1 })
		io.WriteString(w, "first\n")
	}()
	seen := 0
	for e, err := range s.Follow(ctx, Filter{Service: "shop"}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Line == "first" {
			go func() {
				defer close(wrote)
				for range 200 { // 10 MB while the reader reads nothing
					io.WriteString(w, line)
				}
			}()
			<-wrote
			continue
		}
		if e.Stream == StreamStoa {
			if want := fmt.Sprintf("stoa: %d lines not shown: they came faster than they were read", 200-seen); e.Line != want {
				t.Errorf("told %q, want %q", e.Line, want)
			}
			break
		}
		seen++
	}
	if seen == 0 || seen == 200 {
		t.Errorf("saw %d", seen)
	}
	if all := collect(t, s.Query(ctx, Filter{})); len(all) != 201 || !slices.IsSortedFunc(all, byTime) {
		t.Errorf("%d on disk", len(all))
	}
	w.Close()
}

func TestCloseEndsFollowers(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range s.Follow(t.Context(), Filter{}) {
		}
	}()
	eventually(t, "followed", func() bool { return len(s.followers.all()) == 1 })
	s.Close()
	<-done
	w := s.Writer("shop", "dev", "1", "a", StreamStdout)
	io.WriteString(w, "too late\n")
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
