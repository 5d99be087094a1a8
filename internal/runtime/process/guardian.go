//go:build linux || darwin

package process

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

// guardianScript keeps the list of process groups that run. Reading ends when
// the other end of its standard input is closed, which the kernel does for a
// runtime that dies in whatever way; then it kills every group still listed.
// It is run by any POSIX shell with nothing but builtins.
const guardianScript = `trap '' TERM INT HUP QUIT
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

// guardian is the shell that outlives a killed runtime by a moment. It is
// started with the first group.
type guardian struct {
	log *slog.Logger

	mu     sync.Mutex
	groups map[int]struct{}
	pipe   io.WriteCloser // nil until started
	exited chan struct{}  // closed when the shell has ended
	failed bool           // it could not be started; told once
}

func newGuardian(log *slog.Logger) *guardian {
	return &guardian{log: log, groups: make(map[int]struct{})}
}

// add makes the guardian kill the group if this process dies.
func (g *guardian) add(group int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.groups[group] = struct{}{}
	g.tell("+" + strconv.Itoa(group) + "\n")
}

// remove is called before the last process of the group is waited for, as
// long as its number cannot be given to another.
func (g *guardian) remove(group int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.groups, group)
	g.tell("-" + strconv.Itoa(group) + "\n")
}

// tell writes a line; a guardian that is not there is started with all groups.
func (g *guardian) tell(line string) {
	if g.pipe != nil {
		if _, err := io.WriteString(g.pipe, line); err == nil {
			return
		}
		g.pipe.Close()
		g.pipe = nil
	}
	if len(g.groups) == 0 || g.failed {
		return
	}
	if err := g.start(); err != nil {
		g.failed = true
		g.log.Warn("no guardian: a SIGKILL of this process may leave workloads running until the next start", "error", err)
	}
}

func (g *guardian) start() error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start guardian: %w", err)
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", "-c", guardianScript, "stoa-guardian")
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

// close ends the guardian, which kills what is still listed.
func (g *guardian) close() {
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
