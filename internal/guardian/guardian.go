//go:build unix

// Package guardian ends process groups when the process that started them dies,
// in whatever way: also by SIGKILL, which leaves it no time to do so itself.
package guardian

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
)

// script keeps the list of process groups that run. Reading ends when
// the other end of its standard input is closed, which the kernel does for a
// process that dies in whatever way; then it kills every group still listed.
// It is run by any POSIX shell with nothing but builtins.
const script = `trap '' TERM INT HUP QUIT
groups=' '
while read -r line; do
  group=${line#?}
  case $line in
    +*) groups="$groups$group " ;;
    -*) case $groups in
          *" $group "*) groups="${groups%%" $group "*} ${groups#*" $group "}" ;;
        esac ;;
  esac
done
for group in $groups; do
  kill -s KILL -- "-$group" 2>/dev/null
done`

// Guardian is a shell that outlives this process by a moment. It is started
// with the first group, and again should it die. Make one with New.
type Guardian struct {
	log  *slog.Logger
	what string // its groups, to a person

	mu     sync.Mutex
	groups map[int]struct{}
	pipe   io.WriteCloser // nil until started
	exited chan struct{}  // closed when the shell has ended
	failed bool           // it could not be started; told once
}

// New returns a guardian of what is called so, such as "workloads", in the
// warning that it could not be started.
func New(log *slog.Logger, what string) *Guardian {
	return &Guardian{log: log, what: what, groups: make(map[int]struct{})}
}

// Ready starts the guardian where it does not run. Call it before a group is started:
// to start it takes longer than the first process of a group needs for others.
func (g *Guardian) Ready() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pipe == nil {
		g.begin()
	}
}

// Add makes the guardian kill the group if this process dies.
func (g *Guardian) Add(group int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.groups[group] = struct{}{}
	g.tell("+" + strconv.Itoa(group) + "\n")
}

// Remove takes it off the list. Call it before the last process of the group is
// waited for (see AwaitExit), as
// long as its number cannot be given to another.
func (g *Guardian) Remove(group int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.groups, group)
	g.tell("-" + strconv.Itoa(group) + "\n")
}

// tell writes a line; a guardian that is not there is started with all groups.
func (g *Guardian) tell(line string) {
	if g.pipe != nil {
		if _, err := io.WriteString(g.pipe, line); err == nil {
			return
		}
		g.pipe.Close()
		g.pipe = nil
	}
	if len(g.groups) > 0 {
		g.begin()
	}
}

// begin starts the guardian with all groups, unless that has failed before.
func (g *Guardian) begin() {
	if g.failed {
		return
	}
	if err := g.start(); err != nil {
		g.failed = true
		g.log.Warn("no guardian: a SIGKILL of this process may leave "+g.what+" running until the next start", "error", err)
	}
}

func (g *Guardian) start() error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start guardian: %w", err)
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", "-c", script, "stoa-guardian")
	cmd.Dir = "/"
	cmd.Env = []string{}
	cmd.Stdin = r
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		w.Close()
		return fmt.Errorf("start guardian: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its end is noticed when it is written to
		close(exited)
	}()
	var all bytes.Buffer
	for _, group := range slices.Sorted(maps.Keys(g.groups)) {
		fmt.Fprintf(&all, "+%d\n", group)
	}
	if _, err := w.Write(all.Bytes()); err != nil {
		w.Close()
		return fmt.Errorf("start guardian: %w", err)
	}
	g.pipe, g.exited = w, exited
	return nil
}

// Close ends the guardian, which kills what is still listed.
func (g *Guardian) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pipe == nil {
		return
	}
	g.pipe.Close()
	<-g.exited
	g.pipe = nil
	g.failed = true // nothing is started any more
}
