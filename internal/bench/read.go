package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	readRatio  = 0.6
	readWindow = 1500 * time.Millisecond
)

// reading is one kind of request.
type reading struct {
	what   string
	path   func(n int) string
	bare   string // prefix of the bare server's path instead of the platform's
	target string
}

// readings spread over all services, in no order of theirs.
func readings() []reading {
	const objects = "/api/v1/services"
	search := func(n int) string { return objects + "?limit=20&search=" + word(n*7919) }
	return []reading{
		{what: "get by name", path: func(n int) string { return objects + "/" + serviceName(n*7919%services) }, bare: objects, target: "≥ 0.6×"},
		{what: "list 20 of 10,000 by owner", path: func(n int) string { return objects + "?limit=20&owner=" + teamName(n*7919) }, bare: objects, target: "≥ 0.6×"},
		{what: "search of 10,000, the best 20 of about 50", path: search, bare: objects, target: "≥ 0.6×"},
		{what: "– the bare server takes any 20", path: search, bare: "/first"},
	}
}

// measureRead reads by eight connections at once from the platform and from a
// bare server of the same queries, in turn, both on the same database.
func measureRead(ctx context.Context, l *lab, db database) (_ []line, err error) {
	data, address, err := l.seed(ctx, db, true)
	if err != nil {
		return nil, err
	}
	p, err := l.serve(ctx, data, address)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	bare, end, err := startBare(ctx, db, address)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	platform := target{address: p.address, token: p.token, pid: p.cmd.Process.Pid}
	var lines []line
	for _, reading := range readings() {
		var ours, theirs []loaded
		for run := -1; run < l.runs; run++ {
			a, err := platform.load(ctx, readWindow, `"kind":"Service"`, reading.path)
			if err != nil {
				return nil, err
			}
			b, err := bare.load(ctx, readWindow, `"kind":"Service"`, func(n int) string {
				return reading.bare + strings.TrimPrefix(reading.path(n), "/api/v1/services")
			})
			if err != nil {
				return nil, err
			}
			if run >= 0 { // the first pair warms
				ours, theirs = append(ours, a), append(theirs, b)
			}
		}
		lines = append(lines, readLine(reading.what+", 8 connections; bare net/http ("+db.name()+")", reading.target, ours, theirs))
	}
	return lines, nil
}

func readLine(what, target string, ours, theirs []loaded) line {
	of := func(all []loaded, f func(loaded) float64) []float64 {
		values := make([]float64, len(all))
		for i, l := range all {
			values[i] = f(l)
		}
		return values
	}
	perSecond := func(l loaded) float64 { return l.perSecond }
	cpu := func(l loaded) float64 { return float64(l.cpu.Nanoseconds()) / 1e3 }
	size := func(l loaded) float64 { return float64(l.size) }
	ratio := medianRatio(of(ours, perSecond), of(theirs, perSecond))
	note := fmt.Sprintf("answers of %.0f and %.0f bytes", medianOf(of(ours, size)), medianOf(of(theirs, size)))
	if used := medianOf(of(theirs, cpu)); used > 0 {
		note = fmt.Sprintf("the server's CPU for each %.0f and %.0f µs; ", medianOf(of(ours, cpu)), used) + note
	}
	return line{
		what: what, ours: rate(medianOf(of(ours, perSecond))), theirs: rate(medianOf(of(theirs, perSecond))), ratio: times(ratio),
		target: target, met: ratio >= readRatio, note: note,
	}
}

// startBare starts this program as the bare server.
func startBare(ctx context.Context, db database, address string) (_ target, end func() error, err error) {
	program, err := os.Executable()
	if err != nil {
		return target{}, nil, err
	}
	cmd := exec.CommandContext(ctx, program, db.name(), address)
	cmd.Env, cmd.Stderr = append(os.Environ(), roleVariable+"="+roleBare), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return target{}, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return target{}, nil, err
	}
	if err := cmd.Start(); err != nil {
		return target{}, nil, err
	}
	end = func() error { return errors.Join(in.Close(), cmd.Wait()) }
	listens, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return target{}, nil, errors.Join(fmt.Errorf("start bare server: %w", err), end())
	}
	return target{address: strings.TrimSpace(listens), pid: cmd.Process.Pid}, end, nil
}
