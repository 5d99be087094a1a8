package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
)

// StateUnreleased is what is said of a service in an environment that it was
// declared for and that no release of it has been tried in.
const StateUnreleased = "never released"

// Condition is how a service does in an environment now, by what was stored of
// it last and by what is seen of its instances.
type Condition struct {
	// State is one of the states of a deployment, or StateUnreleased.
	State string
	// Message says why a change failed, as it was stored.
	Message string
	// Shortfall says why fewer instances answer at this moment than are wanted, in
	// a change that goes on as in a crash, or which further process does not stay
	// up; empty when all do.
	Shortfall string
	Wanted    int // instances, without those of further processes
	Healthy   int // instances of the release that serves
	Seen      runtime.Status
}

// Why says why it does not run well; empty when it does.
func (c Condition) Why() string { return cmp.Or(c.Message, c.Shortfall) }

// Watcher sees what runs. An error that is runtime.ErrNotFound says that
// nothing of it does.
type Watcher interface {
	Status(ctx context.Context, key runtime.Key) (runtime.Status, error)
}

// Look asks how a service does in an environment. The API, the portal and
// the command line say what this says; objects, as `-o json` prints them, say
// what was stored last.
func Look(ctx context.Context, w Watcher, s Service, env string) (Condition, error) {
	seen, err := w.Status(ctx, runtime.Key{Service: s.Metadata.Name, Environment: env})
	if err != nil && !errors.Is(err, runtime.ErrNotFound) {
		return Condition{}, fmt.Errorf("ask how %s runs in %s: %w", s.Metadata.Name, env, err)
	}
	return judge(s.Status.Environments[env], s.Spec.Environments[env].Replicas, seen), nil
}

// judge lets what is seen make a state worse than it was stored, and never
// better: an old release that answers does not mend that a change failed.
func judge(stored Deployment, wanted int, seen runtime.Status) Condition {
	c := Condition{State: stored.State, Message: stored.Message, Wanted: wanted, Healthy: seen.Healthy(), Seen: seen}
	short := shortfall(c)
	switch {
	case stored.Release == "" && stored.State == StateFailed: // its first release did
	case stored.Release == "":
		c.State = StateUnreleased
	case stored.State == StateStopped, wanted == 0 && len(seen.Instances) == 0:
		c.State, c.Message = StateStopped, ""
	case short != "" && stored.State == StateRunning:
		c.State, c.Shortfall = StateDegraded, short
	case stored.State == StateDegraded:
		c.Shortfall = short
	}
	return c
}

// shortfall says what does not run as was asked; empty when all does.
func shortfall(c Condition) string {
	var short []string
	if c.Healthy < c.Wanted {
		short = append(short, unanswered(c))
	}
	for _, process := range c.Seen.Beside {
		// One that is brought up for the first time serves nobody yet.
		if process.Release != "" && process.Healthy() < process.Replicas {
			short = append(short, ended(process))
		}
	}
	return strings.Join(short, "; ")
}

// ended says why a further process is not up.
func ended(process runtime.Status) string {
	_, name := process.Key.Parts()
	for _, i := range process.Instances {
		switch {
		case i.Release != process.Release || i.LastExit == nil:
		case i.State == runtime.StateCrashLooping:
			return "process " + name + " ends again and again: " + i.LastExit.String()
		default:
			return "process " + name + " has ended and is started again: " + i.LastExit.String()
		}
	}
	return "process " + name + " does not run"
}

// unanswered says why fewer instances answer than were asked for.
func unanswered(c Condition) string {
	if len(c.Seen.Instances) == 0 {
		return "no instance runs here"
	}
	answer := fmt.Sprintf("%d of %d instances answer", c.Healthy, c.Wanted)
	for _, i := range c.Seen.Instances {
		if i.State != runtime.StateCrashLooping || i.Release != c.Seen.Release {
			continue
		}
		if i.LastExit != nil {
			return answer + ", one ends again and again: " + i.LastExit.String()
		}
		return answer + ", one ends again and again"
	}
	return answer
}

// EnvironmentsOf are those that a service is declared for or runs in, by name.
func EnvironmentsOf(s Service) []string {
	all := map[string]bool{}
	for env := range s.Spec.Environments {
		all[env] = true
	}
	for env := range s.Status.Environments {
		all[env] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// NotIn tells that a service is not in an environment, and in which ones it is.
func NotIn(service, env string, in []string) *problem.Problem {
	where := "it is in no environment yet"
	if len(in) > 0 {
		where = object.Suggest(env, in)
	}
	p := problem.New(problem.NotFound, "service %s is not in environment %s", service, env).Because(where).Do("stoa status " + service)
	if object.ValidName(env) {
		p = p.Do("stoa up --name " + service + " --env " + env + "    brings it there")
	}
	return p
}
