package runtimetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
)

// endCases: what is stopped is gone.
var endCases = []testCase{
	{"Remove", func(s *stage) {
		w := s.program("shop", 1, "-children", "2")
		w.Replicas = 2
		o := s.apply(w)
		if err := s.rt.Remove(s.Context(), w.Key); err != nil {
			s.Fatal(err)
		}
		if _, err := s.rt.Status(s.Context(), w.Key); !errors.Is(err, runtime.ErrNotFound) {
			s.Errorf("status after remove: %v", err)
		}
		if status, _, err := s.request("GET", w.Key, "/"); err == nil && status < 400 {
			s.Errorf("status %d after remove", status)
		}
		s.quiet(o.Address)
		if lines := s.logs.Lines(w.Release, runtime.Stdout); !slices.Contains(lines, "graceful end") {
			s.Errorf("it was not asked to stop; it said %q", lines)
		}
		if err := s.rt.Remove(s.Context(), w.Key); err != nil {
			s.Errorf("remove again: %v", err)
		}
		s.apply(w)
		s.serves(w)
	}},
	{"RemoveOfOneLeavesOthers", func(s *stage) {
		shop, mail := s.program("shop", 1), s.program("mail", 1)
		other := s.program("shop", 1)
		other.Environment = "staging"
		s.apply(shop)
		s.apply(mail)
		s.apply(other)
		if err := s.rt.Remove(s.Context(), shop.Key); err != nil {
			s.Fatal(err)
		}
		s.serves(mail)
		s.serves(other)
	}},
	{"SIGTERMIgnored", func(s *stage) {
		w := s.program("shop", 1, "-term", "ignore", "-children", "1")
		w.StopGrace = 300 * time.Millisecond
		o := s.apply(w)
		began := time.Now()
		if err := s.rt.Remove(s.Context(), w.Key); err != nil {
			s.Fatal(err)
		}
		if took := time.Since(began); took < w.StopGrace {
			s.Errorf("stopped after %v, before the grace of %v", took, w.StopGrace)
		}
		s.quiet(o.Address)
	}},
	{"Close", func(s *stage) {
		shop, mail := s.program("shop", 1), s.program("mail", 1, "-term", "ignore")
		mail.StopGrace = time.Hour
		a, b := s.apply(shop), s.apply(mail)
		ctx, cancel := context.WithTimeout(s.Context(), time.Second)
		defer cancel()
		if err := s.rt.Close(ctx); err != nil {
			s.Fatal(err)
		}
		s.quiet(a.Address)
		s.quiet(b.Address)
		if _, err := s.rt.Apply(s.Context(), shop, nil); !errors.Is(err, runtime.ErrClosed) {
			s.Errorf("apply after close: %v", err)
		}
		if err := s.rt.Remove(s.Context(), shop.Key); !errors.Is(err, runtime.ErrClosed) {
			s.Errorf("remove after close: %v", err)
		}
		if _, err := s.rt.Status(s.Context(), shop.Key); !errors.Is(err, runtime.ErrClosed) {
			s.Errorf("status after close: %v", err)
		}
	}},
	{"CloseDuringApply", func(s *stage) {
		started := make(chan struct{})
		result := make(chan error, 1)
		go func() {
			_, err := s.rt.Apply(s.Context(), s.program("shop", 1, "-delay", "1h"), func(p runtime.Progress) {
				if p.Step == runtime.StepStarted {
					close(started)
				}
			})
			result <- err
		}()
		<-started
		if err := s.rt.Close(s.Context()); err != nil {
			s.Fatal(err)
		}
		select {
		case err := <-result:
			if err == nil {
				s.Error("apply succeeded in a closed runtime")
			}
		case <-time.After(s.f.Patience):
			s.Fatal("apply hangs after close")
		}
	}},
	{"UnknownKey", func(s *stage) {
		if _, err := s.rt.Status(s.Context(), runtime.Key{Service: "no", Environment: "where"}); !errors.Is(err, runtime.ErrNotFound) {
			s.Errorf("status: %v", err)
		}
		if err := s.rt.Remove(s.Context(), runtime.Key{Service: "no", Environment: "where"}); err != nil {
			s.Errorf("remove: %v", err)
		}
	}},
}
