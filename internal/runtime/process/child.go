//go:build linux || darwin

package process

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stoa-platform/stoa/internal/guardian"
	"github.com/stoa-platform/stoa/internal/runtime"
)

// instanceVariable marks every process of an instance, so that those which
// leave its group are found again.
const instanceVariable = "STOA_INSTANCE"

const (
	killPatience   = 5 * time.Second        // from SIGKILL to the end
	outputPatience = time.Second            // from the end of a group to the end of its output
	flushPatience  = 2 * time.Second        // from there until the log has it all
	groupPoll      = 5 * time.Millisecond   // between looks at a group that is to stop
	groupPollMax   = 100 * time.Millisecond // the same, after a while
)

// process is one life of an instance: a session and process group.
type process struct {
	instance string
	pid      int // of the first process, and so of the group and session
	port     int // given in PORT; 0 for a worker
	started  time.Time
	watch    *watch
	tail     *tail
	outputs  []*output

	ask      chan time.Duration // asks to stop, with the grace
	killed   chan struct{}      // closed: kill at once
	killOnce sync.Once

	// alive ends when the first process has. gone is closed when nothing of the
	// group is left and its output was read; exit is valid from then on.
	alive    context.Context
	markDead context.CancelFunc
	gone     chan struct{}
	exit     runtime.Exit
}

// start begins a life of the instance of a workload that has a command.
func (r *Runtime) start(w runtime.Workload, instance string) (*process, error) {
	port := 0
	if w.Serves {
		var err error
		if port, err = r.reservePort(); err != nil {
			return nil, err
		}
	}
	p := &process{
		instance: instance, port: port, watch: newWatch(), tail: newTail(),
		ask: make(chan time.Duration, 1), killed: make(chan struct{}), gone: make(chan struct{}),
	}
	p.alive, p.markDead = context.WithCancel(context.Background())
	if err := r.spawn(p, w); err != nil {
		r.untrack(p)
		return nil, err
	}
	return p, nil
}

func (r *Runtime) spawn(p *process, w runtime.Workload) error {
	cmd, err := prepare(w, p.port, p.instance)
	if err != nil {
		return err
	}
	var theirs []*os.File
	ours := make(map[string]*os.File)
	closeAll := func() {
		for _, f := range theirs {
			f.Close()
		}
		for _, f := range ours {
			f.Close()
		}
	}
	for _, s := range []struct {
		name string
		to   *io.Writer
	}{{runtime.Stdout, &cmd.Stdout}, {runtime.Stderr, &cmd.Stderr}} {
		read, write, err := os.Pipe()
		if err != nil {
			closeAll()
			return fmt.Errorf("start %s: %w", cmd.Path, err)
		}
		ours[s.name], theirs = read, append(theirs, write)
		*s.to = write
	}

	r.guardian.Ready()
	p.started = time.Now()
	err, open := r.spawner.do(cmd.Start)
	if !open {
		err = runtime.ErrClosed
	}
	if err != nil {
		closeAll()
		return err
	}
	p.pid = cmd.Process.Pid
	r.guardian.Add(p.pid)
	p.watch.group = p.pid
	for _, f := range theirs {
		f.Close()
	}
	for _, stream := range []string{runtime.Stdout, runtime.Stderr} {
		var sink io.WriteCloser
		if r.opts.Logs != nil {
			sink = r.opts.Logs.Open(w.Key, w.Release, p.instance, stream)
		}
		p.outputs = append(p.outputs, newOutput(stream, ours[stream], p.tail, sink))
	}
	rec := record{Instance: p.instance, PID: p.pid, Started: startedAt(p.pid), Program: cmd.Path}
	if err := r.records.put(rec); err != nil {
		// The disk may be full. The guardian has it all the same.
		r.log.Warn("an instance has no record; it is found again only by its guardian", "error", err)
	}
	r.track(p)
	go r.reap(p, cmd)
	return nil
}

// prepare makes the command of one life.
func prepare(w runtime.Workload, port int, instance string) (*exec.Cmd, error) {
	dir := artifactDir(w)
	if err := isDir(dir); err != nil {
		return nil, fmt.Errorf("working directory: %w", err)
	}
	path, err := lookPath(w.Command[0], dir, w.Env)
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: path, Args: w.Command, Dir: dir, SysProcAttr: sysProcAttr()}
	cmd.Env = append(cmd.Env, w.Env...)
	for _, name := range []string{"PORT", w.PortVariable} {
		if name != "" && w.Serves {
			cmd.Env = append(cmd.Env, name+"="+strconv.Itoa(port))
		}
	}
	cmd.Env = append(cmd.Env, instanceVariable+"="+instance)
	return cmd, nil
}

// lookPath finds the program as a shell in dir would with the workload's own
// environment.
func lookPath(program, dir string, env []string) (string, error) {
	if strings.ContainsRune(program, '/') {
		if !filepath.IsAbs(program) {
			program = filepath.Join(dir, program)
		}
		return program, executable(program)
	}
	path := "/usr/local/bin:/usr/bin:/bin"
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			path = value
		}
	}
	for _, folder := range filepath.SplitList(path) {
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(dir, folder)
		}
		if file := filepath.Join(folder, program); executable(file) == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("program %q is not on the PATH of the workload (%s)", program, path)
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder", path)
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("%s is not executable (mode %v)", path, info.Mode())
	}
	return nil
}

// reap waits for the end of a process, brings it about when asked to, and
// leaves nothing of its group behind.
func (r *Runtime) reap(p *process, cmd *exec.Cmd) {
	ended := make(chan struct{})
	go func() {
		guardian.AwaitExit(p.pid)
		p.markDead()
		close(ended)
	}()
	select {
	case <-ended:
	case <-p.killed:
	case grace := <-p.ask:
		p.terminate(grace, ended)
	}
	_ = unix.Kill(-p.pid, unix.SIGKILL)
	for _, pid := range remains(map[int]bool{p.pid: true}, map[string]bool{p.instance: true}) {
		_ = unix.Kill(pid, unix.SIGKILL) // has left the group
	}
	<-ended
	r.guardian.Remove(p.pid)
	_ = cmd.Wait() // what is of interest is in the state
	p.exit = exitOf(cmd.ProcessState, p.started)

	deadline := time.AfterFunc(outputPatience, func() {
		for _, o := range p.outputs {
			o.stop()
		}
	})
	for _, o := range p.outputs {
		<-o.read
	}
	deadline.Stop()
	r.records.remove(p.instance)
	r.untrack(p)
	close(p.gone)
}

// terminate sends SIGTERM to the group and waits until it is gone, at most for
// the grace. The first process may well go before those that do the work.
func (p *process) terminate(grace time.Duration, ended <-chan struct{}) {
	_ = unix.Kill(-p.pid, unix.SIGTERM)
	over := time.NewTimer(grace)
	defer over.Stop()
	select {
	case <-ended:
	case <-over.C:
		return
	case <-p.killed:
		return
	}
	for pause := groupPoll; len(members(p.pid)) > 0; pause = min(2*pause, groupPollMax) {
		select {
		case <-time.After(pause):
		case <-over.C:
			return
		case <-p.killed:
			return
		}
	}
}

// stop ends the process: SIGTERM, and SIGKILL after the grace. It returns when
// the group is gone, and says so if it does not go.
func (p *process) stop(grace time.Duration) error {
	select {
	case p.ask <- grace:
	default:
	}
	select {
	case <-p.gone:
		return nil
	case <-time.After(grace + killPatience):
		return fmt.Errorf("pid %d does not die of SIGKILL", p.pid)
	}
}

// kill ends the process now.
func (p *process) kill() { p.killOnce.Do(func() { close(p.killed) }) }

// flush waits until the log has the output, for a while.
func (p *process) flush() {
	deadline := time.After(flushPatience)
	for _, o := range p.outputs {
		select {
		case <-o.written:
		case <-deadline:
			return
		}
	}
}

func exitOf(state *os.ProcessState, started time.Time) runtime.Exit {
	e := runtime.Exit{Code: state.ExitCode(), Time: time.Now().UTC(), After: time.Since(started)}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.Signal = unix.SignalName(status.Signal())
	}
	return e
}

// Instances get ports below those that systems give to whoever asks for any, for
// connections that go out too (Linux from 32768, macOS from 49152 on): nobody takes
// one between its reservation and the start of who listens on it.
const firstPort, lastPort = 20_000, 29_999

// reservePort finds a loopback port that is free now and given to no other
// instance.
func (r *Runtime) reservePort() (int, error) {
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if !r.givePort(port) {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			l.Close()
			return port, nil
		}
		r.takePort(port)
	}
	return 0, fmt.Errorf("find a free port: of those from %d to %d a thousand in a row are taken", firstPort, lastPort)
}

// givePort notes that an instance has the port, unless one does.
func (r *Runtime) givePort(port int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, given := r.ports[port]; given {
		return false
	}
	r.ports[port] = struct{}{}
	return true
}

// takePort takes a port back from the instance that had it.
func (r *Runtime) takePort(port int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ports, port)
}
