package runtimetest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
)

// changeCases: from one workload to the next.
var changeCases = []testCase{
	{"SameAgain", func(s *stage) {
		w := s.program("shop", 1)
		first := s.apply(w)
		before := s.ids(w.Key)
		again := s.apply(w)
		if after := s.ids(w.Key); !slices.Equal(before, after) {
			s.Errorf("instances %v became %v", before, after)
		}
		if again.Strategy != runtime.StrategyNone || again.Address != first.Address {
			s.Errorf("observed %+v, then %+v", first, again)
		}
	}},
	{"Scale", func(s *stage) {
		w := s.program("shop", 1)
		s.apply(w)
		one := s.ids(w.Key)
		stop := s.load(w.Key)
		w.Replicas = 3
		if o := s.apply(w); o.Strategy != runtime.StrategyScale {
			s.Errorf("observed %+v", o)
		}
		three := s.ids(w.Key)
		w.Replicas = 1
		s.apply(w)
		back := s.ids(w.Key)
		stop()
		if len(three) != 3 || !slices.Contains(three, one[0]) {
			s.Errorf("instances %v became %v", one, three)
		}
		if !slices.Equal(one, back) {
			s.Errorf("instances %v became %v and then %v", one, three, back)
		}
		if st := s.status(w.Key); st.Replicas != 1 || len(st.Instances) != 1 {
			s.Errorf("status %+v", st)
		}
	}},
	{"RolloutDropsNothing", func(s *stage) {
		w := s.program("shop", 1)
		w.Replicas = 2
		s.apply(w)
		stop := s.load(w.Key)
		for number := 2; number <= 4; number++ {
			w = s.program("shop", number)
			w.Replicas = 2
			if o := s.apply(w); o.Strategy != runtime.StrategyRolling {
				s.Errorf("observed %+v", o)
			}
			s.serves(w)
		}
		answered := stop()
		s.Logf("answered %v", answered)
		if answered["shop-2"] == 0 || answered["shop-3"] == 0 {
			s.Errorf("answered %v: not every release served", answered)
		}
		if st := s.status(w.Key); st.Release != "shop-4" || len(st.Instances) != 2 {
			s.Errorf("status %+v", st)
		}
	}},
	{"RolloutOfFixedPortDropsNothing", func(s *stage) {
		port := strconv.Itoa(s.freePort())
		w := s.program("shop", 1, "-port", port)
		s.apply(w)
		stop := s.load(w.Key)
		w = s.program("shop", 2, "-port", port)
		if o := s.apply(w); !o.FixedPort {
			s.Errorf("observed %+v", o)
		}
		s.serves(w)
		s.Logf("answered %v", stop())
	}},
	{"RolloutOfFixedSecondPort", func(s *stage) {
		extra := strconv.Itoa(s.freePort())
		w := s.program("shop", 1, "-extra", extra)
		s.apply(w)
		stop := s.load(w.Key)
		w = s.program("shop", 2, "-extra", extra)
		s.apply(w)
		s.serves(w)
		s.Logf("answered %v", stop())
	}},
	{"RestartToken", func(s *stage) {
		w := s.program("shop", 1)
		w.Replicas = 2
		s.apply(w)
		before := s.ids(w.Key)
		stop := s.load(w.Key)
		w.Restart = "2026-11-22T08:00:00Z"
		s.apply(w)
		stop()
		for _, id := range s.ids(w.Key) {
			if slices.Contains(before, id) {
				s.Errorf("instance %s was not replaced", id)
			}
		}
		if st := s.status(w.Key); len(st.Instances) != 2 || st.Healthy() != 2 {
			s.Errorf("status %+v", st)
		}
	}},
	{"RequestInFlightEnds", func(s *stage) {
		w := s.program("shop", 1)
		s.apply(w)
		answer := make(chan string, 1)
		go func() {
			_, body, err := s.request("GET", w.Key, "/slow/1s")
			answer <- body + errorText(err)
		}()
		s.soon("the request is in flight", func() bool { // a drain that has to wait shows it
			ctx, cancel := context.WithTimeout(s.Context(), time.Millisecond)
			defer cancel()
			return s.router.Drain(ctx, s.ids(w.Key)[0]) != nil
		})
		s.apply(s.program("shop", 2))
		if got := <-answer; !strings.HasPrefix(got, "shop-1 ") {
			s.Errorf("request in flight was answered %q", got)
		}
	}},
	{"OneAtATime", func(s *stage) {
		var all sync.WaitGroup
		for number := 1; number <= 4; number++ {
			all.Go(func() {
				if _, err := s.rt.Apply(s.Context(), s.program("shop", number), nil); err != nil {
					s.Errorf("apply %d: %v", number, err)
				}
			})
		}
		all.Wait()
		st := s.status(runtime.Key{Service: "shop", Environment: "dev"})
		if len(st.Instances) != 1 || st.Healthy() != 1 {
			s.Errorf("status %+v", st)
		}
		s.serves(runtime.Workload{Key: st.Key, Release: st.Release})
	}},
	{"CancelLeavesTheOld", func(s *stage) {
		w := s.program("shop", 1)
		s.apply(w)
		before := s.ids(w.Key)
		ctx, cancel := context.WithCancel(s.Context())
		defer cancel()
		_, err := s.rt.Apply(ctx, s.program("shop", 2, "-delay", "1h"), func(p runtime.Progress) {
			if p.Step == runtime.StepStarted {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			s.Errorf("cancelled apply: %v", err)
		}
		s.serves(w)
		if st := s.status(w.Key); !slices.Equal(before, s.ids(w.Key)) || len(st.Instances) != 1 {
			s.Errorf("instances %v became %+v", before, st)
		}
	}},
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return " " + err.Error()
}
