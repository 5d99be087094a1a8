//go:build linux || darwin

package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
)

const (
	// strangerSettle is how long a port that nobody spoke of must have been all
	// that is bound before it is believed: programs open a debugger's or a
	// metrics port first.
	strangerSettle = 100 * time.Millisecond
	// waitingAfter is when a person is told that nothing is wrong so far.
	waitingAfter = 5 * time.Second
	// askAgain is the least time between questions to a program that answers
	// badly.
	askAgain = 25 * time.Millisecond
)

// pace is the time between two looks at an instance of the given age: quick
// while most programs start, and then ever less of a burden.
func pace(age time.Duration) time.Duration {
	switch {
	case age < 250*time.Millisecond:
		return 2 * time.Millisecond
	case age < 2*time.Second:
		return 10 * time.Millisecond
	case age < 10*time.Second:
		return 50 * time.Millisecond
	}
	return 200 * time.Millisecond
}

// seen is how a life of an instance became healthy.
type seen struct {
	answer
	port  int
	fixed bool          // the port is not the one that was given
	took  time.Duration // from start
}

var errEnded = errors.New("process ended")

// awaitReady watches a process until it is healthy. The error is errEnded, the
// context's, or a *runtime.StartError when StartTimeout is over.
func (i *instance) awaitReady(ctx context.Context, p *process) (seen, error) {
	ctx, cancel := context.WithDeadline(ctx, p.started.Add(i.w.StartTimeout))
	defer cancel()
	defer context.AfterFunc(p.alive, cancel)()

	var s seen
	var why error
	if i.w.Serves {
		s, why = i.awaitAnswer(ctx, p)
	} else if wait(ctx, i.rt.opts.Settle) {
		s.note = fmt.Sprintf("stays up for %v", i.rt.opts.Settle)
	} else {
		why = ctx.Err()
	}
	s.took = time.Since(p.started)
	switch {
	case why == nil:
		return s, nil
	case p.alive.Err() != nil:
		return seen{}, errEnded
	case ctx.Err() != context.DeadlineExceeded:
		return seen{}, ctx.Err()
	}
	return seen{}, i.overdue(p, why)
}

// awaitAnswer polls until a port of the process answers. When the context ends
// it returns the last reason why none did, or the context's error if none was
// ever bound.
func (i *instance) awaitAnswer(ctx context.Context, p *process) (seen, error) {
	probers := make(map[int]*prober)
	var strange time.Time // since when only ports nobody spoke of are bound
	var why error
	told := false
	for {
		bound, err := p.watch.poll()
		if err != nil {
			return seen{}, err
		}
		ports := choose(bound, p.port, i.w.Port)
		if len(ports) == 0 || ports[0] == p.port || ports[0] == i.w.Port {
			strange = time.Time{}
		} else if strange.IsZero() {
			strange = time.Now()
		}

		pause := pace(time.Since(p.started))
		if len(ports) > 0 && (strange.IsZero() || time.Since(strange) >= strangerSettle) {
			for _, port := range ports {
				if probers[port] == nil {
					probers[port] = i.newProber(bound, port, p.port)
					i.tell(runtime.StepBound, "bound :%d", port)
				}
			}
			s, err := askAll(ctx, ports, probers)
			if err == nil {
				s.fixed = s.port != p.port
				return s, nil
			}
			// What is cut off by the end of the time says nothing.
			if end, _ := ctx.Deadline(); ctx.Err() == nil && time.Until(end) > 0 {
				why = err
			}
			pause = max(pause, askAgain)
		}
		if !told && time.Since(p.started) > waitingAfter {
			told = true
			text := fmt.Sprintf("%s after %v", reasonToWait(why), waitingAfter)
			if end, ok := ctx.Deadline(); ok {
				text += fmt.Sprintf("; it is waited for, %v at most", end.Sub(p.started).Round(time.Second))
			}
			i.tell(runtime.StepWaiting, "%s", text)
		}
		if !wait(ctx, pause) {
			return seen{}, cmp.Or(why, ctx.Err())
		}
	}
}

func reasonToWait(why error) string {
	if why == nil {
		return "not listening yet"
	}
	return "not healthy yet: " + why.Error()
}

// choose says which of the bound ports to ask: the one that was given, else
// the one that was detected, else all.
func choose(bound []netip.AddrPort, given, detected int) []int {
	var ports []int
	for _, addr := range bound {
		ports = append(ports, int(addr.Port()))
	}
	for _, wanted := range []int{given, detected} {
		if slices.Contains(ports, wanted) {
			return []int{wanted}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// askAll asks the ports in turn. The first HTTP answer counts; a port that
// only takes connections counts when all do no more.
func askAll(ctx context.Context, ports []int, probers map[int]*prober) (seen, error) {
	var tcp *seen
	var why error
	for _, port := range ports {
		a, err := probers[port].ask(ctx)
		switch {
		case err != nil:
			why = cmp.Or(why, fmt.Errorf("port %d: %w", port, err))
		case a.path != "":
			return seen{answer: a, port: port}, nil
		case tcp == nil:
			tcp = &seen{answer: a, port: port}
		}
	}
	if why == nil && tcp != nil {
		return *tcp, nil
	}
	return seen{}, why
}

func (i *instance) newProber(bound []netip.AddrPort, port, given int) *prober {
	return &prober{
		addrs:    reach(bound, port, port == given),
		hint:     i.w.Health,
		stranger: port != given && port != i.w.Port,
	}
}

// reach lists the addresses that reach the port, best first. A socket bound to
// "::" may take IPv4 or not, which the kernel does not tell; there the IPv4
// side of a port that we did not choose may be another's.
func reach(bound []netip.AddrPort, port int, chosen bool) []string {
	const v4, v6 = "127.0.0.1", "::1"
	var hosts []string
	for _, b := range bound {
		ip := b.Addr().Unmap()
		switch {
		case int(b.Port()) != port:
		case ip.Is4() && (ip.IsUnspecified() || ip.String() == v4):
			hosts = slices.Insert(hosts, 0, v4)
		case ip.IsUnspecified() && chosen:
			hosts = append(hosts, v4, v6)
		case ip.IsUnspecified():
			hosts = append(hosts, v6, v4)
		default:
			hosts = append(hosts, ip.String())
		}
	}
	var addrs []string
	for _, host := range hosts {
		if addr := net.JoinHostPort(host, strconv.Itoa(port)); !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// overdue is the verdict on a process that runs but is not healthy in time.
func (i *instance) overdue(p *process, why error) *runtime.StartError {
	e := &runtime.StartError{Key: i.w.Key, Release: i.w.Release, Instance: i.id, Err: why}
	if errors.Is(why, context.DeadlineExceeded) {
		e.Reason = runtime.ReasonNotListening
		e.Detail = fmt.Sprintf("runs, but listens on no TCP port after %v; PORT was %d", i.w.StartTimeout, p.port)
		e.Next = []string{"listen on the port in $PORT"}
		return e
	}
	e.Reason = runtime.ReasonUnhealthy
	e.Detail = fmt.Sprintf("not healthy after %v: %v", i.w.StartTimeout, why)
	e.Next = []string{"see why the health path refuses, or name another"}
	return e
}

// wait returns true after the duration, or false as soon as the context ends.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
