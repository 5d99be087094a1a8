package catalog_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/runtime"
)

// watcher sees what it was told.
type watcher struct {
	seen runtime.Status
	err  error
}

func (w watcher) Status(context.Context, runtime.Key) (runtime.Status, error) { return w.seen, w.err }

func instances(states ...runtime.State) runtime.Status {
	seen := runtime.Status{Release: "shop-2"}
	for _, s := range states {
		i := runtime.Instance{Release: "shop-2", State: s}
		if s == runtime.StateCrashLooping {
			i.LastExit = &runtime.Exit{Code: 1, After: 12 * time.Millisecond}
		}
		seen.Instances = append(seen.Instances, i)
	}
	return seen
}

// beside is what was seen with a further process that was started and then did
// this.
func beside(seen runtime.Status, states ...runtime.State) runtime.Status {
	process := instances(states...)
	process.Key, process.Replicas = runtime.Key{Service: "shop", Environment: "dev"}.Beside("worker"), 1
	seen.Beside = append(seen.Beside, process)
	return seen
}

func TestLook(t *testing.T) {
	firstWorker := beside(instances(runtime.StateHealthy), runtime.StateStarting)
	firstWorker.Beside[0].Release = "" // its rollout goes on
	ended := beside(instances(runtime.StateHealthy), runtime.StateRestarting)
	ended.Beside[0].Instances[0].LastExit = &runtime.Exit{Code: 1, After: 12 * time.Millisecond}
	running := catalog.Deployment{Release: "shop-2", State: catalog.StateRunning}
	failedChange := catalog.Deployment{Release: "shop-2", State: catalog.StateDegraded, Message: "port 8080 is taken"}
	for name, c := range map[string]struct {
		stored         catalog.Deployment
		wanted         int
		seen           watcher
		state, message string
	}{
		"all answer":               {running, 2, watcher{seen: instances(runtime.StateHealthy, runtime.StateHealthy)}, catalog.StateRunning, ""},
		"one of two in crash loop": {running, 2, watcher{seen: instances(runtime.StateHealthy, runtime.StateCrashLooping)}, catalog.StateDegraded, "1 of 2 instances answer, one ends again and again: exit code 1 after 12ms"},
		"the only one sickens":     {running, 1, watcher{seen: instances(runtime.StateUnhealthy)}, catalog.StateDegraded, "0 of 1 instances answer"},
		"a further process in crash loop": {running, 1, watcher{seen: beside(instances(runtime.StateHealthy), runtime.StateCrashLooping)}, catalog.StateDegraded,
			"process worker ends again and again: exit code 1 after 12ms"},
		"so is what serves": {running, 1, watcher{seen: beside(instances(runtime.StateUnhealthy), runtime.StateCrashLooping)}, catalog.StateDegraded,
			"0 of 1 instances answer; process worker ends again and again: exit code 1 after 12ms"},
		"a further process has ended once": {running, 1, watcher{seen: ended}, catalog.StateDegraded,
			"process worker has ended and is started again: exit code 1 after 12ms"},
		"a further process is well":     {running, 1, watcher{seen: beside(instances(runtime.StateHealthy), runtime.StateHealthy)}, catalog.StateRunning, ""},
		"a further process is replaced": {running, 1, watcher{seen: beside(instances(runtime.StateHealthy), runtime.StateHealthy, runtime.StateStarting)}, catalog.StateRunning, ""},
		"a further process is new":      {running, 1, watcher{seen: firstWorker}, catalog.StateRunning, ""},
		"nothing is seen":               {running, 1, watcher{err: runtime.ErrNotFound}, catalog.StateDegraded, "no instance runs here"},
		"a change failed, the old one answers": {failedChange, 1, watcher{seen: instances(runtime.StateHealthy)}, catalog.StateDegraded,
			"port 8080 is taken"},
		"it could not be started": {catalog.Deployment{Release: "shop-2", State: catalog.StateFailed, Message: "exit code 1"}, 1, watcher{err: runtime.ErrNotFound}, catalog.StateFailed, "exit code 1"},
		"stopped":                 {catalog.Deployment{Release: "shop-2", State: catalog.StateStopped}, 0, watcher{err: runtime.ErrNotFound}, catalog.StateStopped, ""},
		"on its way to a stop":    {running, 0, watcher{seen: instances(runtime.StateHealthy)}, catalog.StateRunning, ""},
		"its first release failed": {catalog.Deployment{State: catalog.StateFailed, Failed: "shop-1", Message: "shop-1 did not come up"}, 1, watcher{err: runtime.ErrNotFound}, catalog.StateFailed,
			"shop-1 did not come up"},
		"no release came": {catalog.Deployment{}, 1, watcher{err: runtime.ErrNotFound}, catalog.StateUnreleased, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var s catalog.Service
			s.Metadata.Name = "shop"
			s.Spec.Environments = map[string]catalog.Running{"dev": {Replicas: c.wanted}}
			s.Status.Environments = map[string]catalog.Deployment{"dev": c.stored}
			got, err := catalog.Look(t.Context(), c.seen, s, "dev")
			if got.Shortfall != "" && got.Healthy >= c.wanted && c.seen.seen.Beside == nil || got.Message != c.stored.Message && c.stored.State != catalog.StateStopped {
				t.Errorf("message %q, shortfall %q: what was stored and what is seen are not told apart", got.Message, got.Shortfall)
			}
			if err != nil || got.State != c.state || got.Why() != c.message {
				t.Errorf("it is %q: %q (%v), want %q: %q", got.State, got.Why(), err, c.state, c.message)
			}
		})
	}
	broken := errors.New("the socket is gone")
	if _, err := catalog.Look(t.Context(), watcher{err: broken}, catalog.Service{}, "dev"); !errors.Is(err, broken) {
		t.Errorf("a runtime that cannot be asked is told as %v", err)
	}
}
