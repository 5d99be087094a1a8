package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What a platform may take that has nothing to do.
const (
	readyTarget  = 300 * time.Millisecond
	memoryTarget = 90e6
	idleTarget   = 0.01 // of one processor
	idleSettle   = 30 * time.Second
	idleWindow   = 10 * time.Second
)

// measureStart starts `stoa serve` with ten thousand services stored, and then
// leaves it alone.
func measureStart(ctx context.Context, l *lab) (_ []line, err error) {
	db := l.databases[0]
	data, address, err := l.seed(ctx, db, true)
	if err != nil {
		return nil, err
	}
	var ready, cpu []time.Duration
	for range 2 * l.runs {
		p, err := l.serve(ctx, data, address)
		if err != nil {
			return nil, err
		}
		used, err := cpuTime(p.cmd.Process.Pid)
		if err = errors.Join(err, p.stop()); err != nil {
			return nil, err
		}
		ready, cpu = append(ready, p.ready), append(cpu, used)
	}
	lines := []line{{
		what: "start of `stoa serve` to ready, 10,000 services stored", ours: millis(medianTime(ready)),
		target: "≤ 300 ms", met: medianTime(ready) <= readyTarget,
		note: fmt.Sprintf("%s on processors; %d starts", millis(medianTime(cpu)), len(ready)),
	}}
	p, err := l.serve(ctx, data, address)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	// A page of services is asked for once, so that idle is not "never used".
	if _, err := p.request(ctx, "GET", "/api/v1/services?limit=20", "", nil); err != nil {
		return nil, err
	}
	if err := sleep(ctx, idleSettle); err != nil {
		return nil, err
	}
	before, err := cpuTime(p.cmd.Process.Pid)
	if err != nil {
		return lines, nil //nolint:nilerr // the system does not tell: nothing is said
	}
	if err := sleep(ctx, idleWindow); err != nil {
		return nil, err
	}
	after, err := cpuTime(p.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	resident, anonymous, err := memory(p.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	idle := float64(after-before) / float64(idleWindow)
	return append(lines, line{
		what: "resident memory of it after 30 s idle", ours: megabytes(resident), target: "≤ 90 MB", met: resident <= memoryTarget,
		note: megabytes(anonymous) + " of it its own, the rest pages of files",
	}, line{
		what: "CPU of it while idle, over 10 s", ours: fmt.Sprintf("%.1f %%", 100*idle), target: "≤ 1 %", met: idle <= idleTarget,
		note: "of one processor",
	}), nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
