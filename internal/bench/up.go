package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// upTarget is how much longer than the program itself `stoa up` may take.
const upTarget = 150 * time.Millisecond

// measureUp deploys an unchanged Go service again and again on a running
// platform, the whole command from exec to exit, and beside it starts the very
// binary that the platform had built until it answers.
func measureUp(ctx context.Context, l *lab) (_ []line, err error) {
	data, err := l.folder("up")
	if err != nil {
		return nil, err
	}
	example, err := moduleFolder(ctx, "examples/hello")
	if err != nil {
		return nil, err
	}
	p, err := l.serve(ctx, data, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	up := func() (took, cpu time.Duration, err error) {
		cmd := p.command(ctx, l, "up", example, "--detach", "-o", "json")
		began := time.Now()
		out, err := cmd.CombinedOutput()
		took = time.Since(began)
		if err != nil {
			return 0, 0, fmt.Errorf("stoa up: %w: %s", err, out)
		}
		if !strings.Contains(string(out), `"healthy": true`) {
			return 0, 0, fmt.Errorf("stoa up: not healthy: %s", out)
		}
		return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
	}
	first, _, err := up() // builds
	if err != nil {
		return nil, err
	}
	if _, _, err = up(); err != nil { // warms
		return nil, err
	}
	artifact, err := executable(filepath.Join(data, "builds", "artifacts"))
	if err != nil {
		return nil, err
	}
	pairs := 4 * l.runs // a pair takes a fifth of a second
	var ours, theirs, more, clients []time.Duration
	for range pairs {
		a, cpu, err := up()
		if err != nil {
			return nil, err
		}
		b, err := untilAnswer(ctx, artifact)
		if err != nil {
			return nil, err
		}
		ours, theirs, more, clients = append(ours, a), append(theirs, b), append(more, a-b), append(clients, cpu)
	}
	return []line{{
		what: "`stoa up` of an unchanged Go service to healthy; `exec` of its binary to the first 200",
		ours: millis(medianTime(ours)), theirs: millis(medianTime(theirs)), ratio: "+" + millis(medianTime(more)),
		target: "≤ +150 ms", met: medianTime(more) <= upTarget,
		note: fmt.Sprintf("the whole command, %s of it on processors; the first time, which builds, took %.1f s; %d pairs", millis(medianTime(clients)), first.Seconds(), pairs),
	}}, nil
}

// untilAnswer runs a service until its health check gives 200.
func untilAnswer(ctx context.Context, program string) (took time.Duration, err error) {
	address, err := freeAddress()
	if err != nil {
		return 0, err
	}
	_, port, _ := strings.Cut(address, ":")
	cmd := exec.Command(program)
	cmd.Env, cmd.Stdout, cmd.Stderr = []string{"PORT=" + port}, io.Discard, io.Discard
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	for !answers(ctx, "http://"+address+"/healthz") {
		if ctx.Err() != nil || time.Since(began) > startLimit {
			return 0, fmt.Errorf("%s did not answer in %s", program, time.Since(began))
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(began), nil
}

// executable finds the one program among the platform's artifacts.
func executable(folder string) (string, error) {
	var found []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode()&0o111 != 0 && info.Size() > 1<<20 {
			found = append(found, path)
		}
		return err
	})
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%d programs in %s, want the one that was built: %v", len(found), folder, found)
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

// moduleFolder gives a folder of this repository.
func moduleFolder(ctx context.Context, name string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/stoa-platform/stoa").Output()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	path := filepath.Join(strings.TrimSpace(string(out)), name)
	_, err = os.Stat(path)
	return path, err
}

// binaryTarget is the greatest size of the binary, in bytes.
const binaryTarget = 60e6

// buildTarget is the longest time of a cold build on two processors.
const buildTarget = 150 * time.Second

func measureBinary(_ context.Context, l *lab) ([]line, error) {
	info, err := os.Stat(l.binary)
	if err != nil {
		return nil, err
	}
	return []line{{what: "size of the binary, stripped", ours: megabytes(info.Size()), target: "≤ 60 MB", met: info.Size() <= binaryTarget}}, nil
}

// measureBuild builds the binary with nothing in the compiler's cache; modules
// are there already.
func measureBuild(ctx context.Context, l *lab) ([]line, error) {
	dir, err := l.folder("cold")
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if _, err := build(ctx, dir, "GOCACHE="+filepath.Join(dir, "cache")); err != nil {
		return nil, err
	}
	took := time.Since(began)
	return []line{{
		what: "cold build of it, modules downloaded", ours: took.Round(time.Second).String(), target: "≤ 150 s", met: took <= buildTarget,
		note: fmt.Sprintf("%d processors", runtime.NumCPU()),
	}}, nil
}
