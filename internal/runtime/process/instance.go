//go:build linux || darwin

package process

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
)

// instance is one supervised copy of a workload, over all its lives.
type instance struct {
	rt      *Runtime
	id      string
	w       runtime.Workload
	own     runtime.Workload       // w over the instance's own files; supervise alone has it
	changed func()                 // the state has changed; called without the lock
	watcher func(runtime.Progress) // hears of the launch

	launched chan error // one value: nil when first healthy, or why it never will be
	done     chan struct{}
	life     context.Context
	end      context.CancelFunc

	mu       sync.Mutex
	ready    bool // was healthy once
	state    runtime.State
	since    time.Time
	current  *process // nil between lives
	seen     seen     // of the present life, or the last healthy one
	restarts int
	lastExit *runtime.Exit
}

// unlike is a text that no other is like.
func unlike() string { return strings.ToLower(rand.Text()[:8]) }

// newInstance starts an instance; its launch is told on launched.
func (r *Runtime) newInstance(w runtime.Workload, changed func(), watcher func(runtime.Progress)) *instance {
	life, end := context.WithCancel(context.Background())
	i := &instance{
		rt: r, id: w.Release + "-" + unlike(), w: w,
		changed: changed, watcher: watcher,
		launched: make(chan error, 1), done: make(chan struct{}),
		life: life, end: end,
		state: runtime.StateStarting, since: time.Now().UTC(),
	}
	go i.supervise()
	return i
}

// past is one life of an instance, once it is over.
type past struct {
	healthy time.Duration // how long it was
	exit    runtime.Exit
	lines   []string
	failure *runtime.StartError // the runtime gave it up
}

// supervise starts the instance again and again until it is stopped, or until
// its launch has failed.
func (i *instance) supervise() {
	defer close(i.done)
	defer i.rt.dropFiles(i.id)
	defer i.set(runtime.StateStopped)
	defer func() {
		select {
		case i.launched <- context.Cause(i.life):
		default: // it was told before
		}
	}()
	ends := 0 // in a row
	for i.life.Err() == nil {
		i.set(runtime.StateStarting)
		last := i.live()
		if i.life.Err() != nil {
			return
		}
		if last.healthy >= i.rt.opts.Backoff.Reset {
			ends = 0
		}
		ends++
		if i.wasReady() {
			i.rest(last, ends)
		} else {
			if verdict := i.verdict(last, ends); verdict != nil {
				i.launched <- verdict
				return
			}
			i.tell(runtime.StepExited, "ended: %v; trying again (%d of %d)", last.exit, ends+1, crashLimit)
			wait(i.life, launchBackoff.delay(ends))
		}
		i.mu.Lock()
		i.restarts++
		i.mu.Unlock()
	}
}

// rest waits between two lives of an instance that serves.
func (i *instance) rest(last past, ends int) {
	delay := i.rt.opts.Backoff.delay(ends)
	looping := ends >= crashLimit
	if looping {
		i.set(runtime.StateCrashLooping)
	} else {
		i.set(runtime.StateRestarting)
	}
	i.mu.Lock()
	restarts := i.restarts
	i.mu.Unlock()
	i.rt.opts.Exits(runtime.Event{
		Key: i.w.Key, Release: i.w.Release, Instance: i.id,
		Exit: last.exit, Restarts: restarts, RetryIn: delay, CrashLoop: looping, Lines: last.lines,
	})
	wait(i.life, delay)
}

// live is one life: start, become healthy, serve, end.
func (i *instance) live() past {
	if i.w.Static != "" {
		return i.serveStatic()
	}
	if i.own.Dir == "" {
		own, err := i.rt.withOwnFiles(i.life, i.w, i.id)
		if err != nil {
			return i.uncopied(err)
		}
		i.own = own
	}
	p, err := i.rt.start(i.own, i.id)
	if err != nil {
		return i.unstartable(err)
	}
	i.mu.Lock()
	i.current = p
	i.mu.Unlock()
	i.tell(runtime.StepStarted, "started pid %d", p.pid)

	var healthy time.Time
	var failure *runtime.StartError
	reason := ""
	s, err := i.awaitReady(i.life, p)
	switch {
	case err == nil:
		healthy = time.Now()
		i.becomeHealthy(s)
		i.watchOver(p, s)
	case errors.As(err, &failure):
		reason = failure.Detail
	}
	if err := p.stop(i.stopGrace()); err != nil {
		i.rt.log.Error("an instance does not stop", "instance", i.id, "error", err)
		return past{exit: runtime.Exit{Code: -1, Time: time.Now().UTC(), Reason: err.Error()}, failure: failure}
	}
	if i.life.Err() != nil {
		p.flush()
	}
	last := past{exit: p.exit, lines: p.tail.last(), failure: failure}
	last.exit.Reason = reason
	if !healthy.IsZero() {
		last.healthy = time.Since(healthy)
	}
	if failure != nil {
		failure.Lines = last.lines
	}
	i.mu.Lock()
	i.current = nil
	i.lastExit = &last.exit
	i.mu.Unlock()
	return last
}

// unstartable is the life of a process that there never was.
func (i *instance) unstartable(err error) past {
	return i.neverWas(err, runtime.ReasonCommand, fmt.Sprintf("cannot execute %q: %v", i.w.Command[0], err), // arguments may hold secrets
		"correct the start command, or the build that should have made the program")
}

// uncopied is the life of an instance that has no files to run from.
func (i *instance) uncopied(err error) past {
	next := ""
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		next = "df -h " + i.rt.opts.State + "    tells whether there is room for one copy for each instance"
	}
	return i.neverWas(err, runtime.ReasonFiles, fmt.Sprintf("no copy of what was built for an instance: %v", err), next)
}

func (i *instance) neverWas(err error, reason runtime.Reason, detail, next string) past {
	exit := runtime.Exit{Code: -1, Time: time.Now().UTC(), Reason: "not started: " + err.Error()}
	i.mu.Lock()
	i.lastExit = &exit
	i.mu.Unlock()
	return past{exit: exit, failure: &runtime.StartError{
		Key: i.w.Key, Release: i.w.Release, Instance: i.id, Reason: reason, Err: err, Detail: detail, Next: []string{next},
	}}
}

// becomeHealthy tells everyone.
func (i *instance) becomeHealthy(s seen) {
	i.mu.Lock()
	i.seen = s
	first := !i.ready
	i.ready = true
	i.mu.Unlock()
	i.set(runtime.StateHealthy)
	if i.w.Serves {
		i.tell(runtime.StepHealthy, "%v", s.answer)
	} else {
		i.tell(runtime.StepHealthy, "healthy: %s", s.note)
	}
	if first {
		i.launched <- nil
	}
}

// watchOver returns when the process has ended or is to be stopped. Until then
// it checks the health now and then.
func (i *instance) watchOver(p *process, s seen) {
	ctx, cancel := context.WithCancel(i.life)
	defer cancel()
	defer context.AfterFunc(p.alive, cancel)()
	if !i.w.Serves {
		<-ctx.Done()
		return
	}
	i.check(ctx, s)
}

// set changes the state. What has stopped stays so.
func (i *instance) set(state runtime.State) {
	i.mu.Lock()
	same := i.state == state
	if !same {
		i.state, i.since = state, time.Now().UTC()
	}
	i.mu.Unlock()
	if !same {
		i.changed()
	}
}

// tell lets whoever launches the instance know.
func (i *instance) tell(step runtime.Step, format string, args ...any) {
	i.watcher(runtime.Progress{Step: step, Instance: i.id, Text: fmt.Sprintf(format, args...)})
}

func (i *instance) wasReady() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.ready
}

func (i *instance) stopGrace() time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.ready {
		return min(i.w.StopGrace, abortGrace)
	}
	return i.w.StopGrace
}

// abortGrace is the most that an instance which never served is given to stop.
const abortGrace = 2 * time.Second

// stop ends the instance and returns when nothing of it is left.
func (i *instance) stop() {
	i.end()
	<-i.done
}

// describe is the instance for Status, and where it takes requests.
func (i *instance) describe() (runtime.Instance, string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	d := runtime.Instance{
		ID: i.id, Release: i.w.Release, State: i.state,
		Restarts: i.restarts, Since: i.since, LastExit: i.lastExit,
	}
	_, d.Process = i.w.Parts()
	if i.current != nil {
		d.PID = i.current.pid
	}
	if i.state == runtime.StateHealthy || i.state == runtime.StateUnhealthy {
		d.Port = i.seen.port
		return d, i.seen.addr
	}
	return d, ""
}

// observed is what the instance was seen to do when it became healthy.
func (i *instance) observed() runtime.Observed {
	i.mu.Lock()
	defer i.mu.Unlock()
	o := runtime.Observed{
		Port: i.seen.port, Address: i.seen.addr,
		Health: i.seen.path, HealthStatus: i.seen.status, HintStatus: i.seen.hinted,
		HealthMillis: i.seen.answer.took.Milliseconds(), StartMillis: i.seen.took.Milliseconds(),
	}
	if i.seen.fixed {
		o.FixedPort = true
		o.Notes = append(o.Notes, fmt.Sprintf("listens on %d whatever PORT says: one instance at a time", i.seen.port))
	}
	if i.seen.note != "" {
		o.Notes = append(o.Notes, i.seen.note)
	}
	if i.w.Memory > 0 {
		o.Notes = append(o.Notes, fmt.Sprintf("memory of %d bytes requested: not enforced for processes", i.w.Memory))
	}
	if i.w.CPU > 0 {
		o.Notes = append(o.Notes, fmt.Sprintf("%d thousandths of a CPU requested: not enforced for processes", i.w.CPU))
	}
	return o
}
