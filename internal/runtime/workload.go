package runtime

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Defaults of a Workload's durations.
const (
	DefaultDrain        = 10 * time.Second
	DefaultStopGrace    = 10 * time.Second
	DefaultStartTimeout = 60 * time.Second
)

// Workload is one release of a service in one environment, ready to run.
type Workload struct {
	Key
	Release string // name of the release, e.g. "shop-7"

	// Dir is the absolute path of the built artifact. Several releases may share
	// it, so no instance writes there: each runs from a copy of its own, which is
	// its working directory unless WorkDir, relative to Dir or absolute, is set.
	// Where Command, Env and WorkDir name Dir, the copy is meant.
	Dir     string
	WorkDir string

	// Static, when set, is a folder relative to Dir ("." for Dir itself) whose
	// files the runtime serves itself; Command is then empty. With SPA a path
	// that is no file answers with index.html.
	Static string
	SPA    bool

	// Command is the program and its arguments. A program without a slash is
	// looked up on the PATH of Env; one with a relative path is relative to the
	// working directory.
	Command []string
	// Env is the whole environment as KEY=value; nothing is inherited. The
	// runtime adds PORT, the variable named by PortVariable, and STOA_INSTANCE.
	Env []string

	Replicas int    // wanted instances; 0 means 1
	Restart  string // changed token: replace all instances by a rolling restart

	// Serves tells a workload that answers requests from a worker. A worker is
	// healthy when it stays up, and the router never hears of it.
	Serves bool

	// What detection believes; the runtime tries it first and trusts it never.
	Port         int    // port that the source names when it does not read one
	PortVariable string // variable that the source reads its port from, if not PORT
	Health       string // path of the health check, e.g. "/healthz"

	CPU    int64 // requested thousandths of a CPU; 0 when nothing was requested
	Memory int64 // requested bytes; 0 when nothing was requested

	Drain        time.Duration // longest wait for requests in flight; 0 means DefaultDrain
	StopGrace    time.Duration // from SIGTERM to SIGKILL; 0 means DefaultStopGrace
	StartTimeout time.Duration // from start to healthy; 0 means DefaultStartTimeout
}

// WithDefaults returns the workload with what was left zero filled in.
func (w Workload) WithDefaults() Workload {
	if w.Replicas == 0 {
		w.Replicas = 1
	}
	w.Drain = cmp.Or(w.Drain, DefaultDrain)
	w.StopGrace = cmp.Or(w.StopGrace, DefaultStopGrace)
	w.StartTimeout = cmp.Or(w.StartTimeout, DefaultStartTimeout)
	return w
}

// Validate says what is wrong with the workload, all of it at once.
func (w Workload) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if w.Service == "" || w.Environment == "" {
		fail("service %q in environment %q: both names are needed", w.Service, w.Environment)
	}
	if w.Release == "" {
		fail("release is empty")
	}
	if !filepath.IsAbs(w.Dir) {
		fail("folder of the artifact %q is not an absolute path", w.Dir)
	}
	switch {
	case w.Static == "" && len(w.Command) == 0:
		fail("neither a command nor a static folder to serve")
	case w.Static == "" && w.Command[0] == "":
		fail("the program of the command is empty")
	case w.Static != "" && len(w.Command) > 0:
		fail("both a command and the static folder %q", w.Static)
	case w.Static != "" && !filepath.IsLocal(w.Static):
		fail("static folder %q is not below the artifact", w.Static)
	case w.Static != "" && !w.Serves:
		fail("static folder %q in a workload that does not serve", w.Static)
	}
	for _, part := range slices.Concat(w.Command, w.Env) {
		if strings.ContainsRune(part, 0) {
			fail("%.40q has a NUL byte", part)
		}
	}
	for _, pair := range w.Env {
		// The value may be a secret: only the place is told.
		if name, _, ok := strings.Cut(pair, "="); !ok || name == "" {
			fail("environment entry %d is not KEY=value", slices.Index(w.Env, pair))
		}
	}
	if w.Replicas < 0 {
		fail("replicas %d is negative", w.Replicas)
	}
	if w.Port < 0 || w.Port > 65535 {
		fail("port %d is not in 0–65535", w.Port)
	}
	if strings.ContainsAny(w.PortVariable, "=\x00") {
		fail("port variable %q is not the name of a variable", w.PortVariable)
	}
	if w.Health != "" && (!strings.HasPrefix(w.Health, "/") || strings.ContainsFunc(w.Health, notInPath)) {
		fail("health path %.80q does not begin with / or has characters that no path has", w.Health)
	}
	if w.CPU < 0 || w.Memory < 0 {
		fail("requested CPU %d and memory %d: neither may be negative", w.CPU, w.Memory)
	}
	if w.Drain < 0 || w.StopGrace < 0 || w.StartTimeout < 0 {
		fail("drain %v, stop grace %v, start timeout %v: none may be negative", w.Drain, w.StopGrace, w.StartTimeout)
	}
	if len(errs) > 0 {
		return fmt.Errorf("workload %s: %w", w.Key, errors.Join(errs...))
	}
	return nil
}

// notInPath reports what would end the path in a request line.
func notInPath(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r > unicode.MaxASCII
}

// SameButReplicas reports whether the two workloads run the same thing, leaving
// Replicas out of the comparison: if so, one becomes the other by scaling.
func (w Workload) SameButReplicas(other Workload) bool {
	a, b := w.WithDefaults(), other.WithDefaults()
	return a.Key == b.Key && a.Release == b.Release && a.Restart == b.Restart &&
		a.Dir == b.Dir && a.WorkDir == b.WorkDir && a.Static == b.Static && a.SPA == b.SPA &&
		slices.Equal(a.Command, b.Command) && slices.Equal(a.Env, b.Env) && a.Serves == b.Serves &&
		a.Port == b.Port && a.PortVariable == b.PortVariable && a.Health == b.Health &&
		a.CPU == b.CPU && a.Memory == b.Memory &&
		a.Drain == b.Drain && a.StopGrace == b.StopGrace && a.StartTimeout == b.StartTimeout
}
