package runtime

import (
	"errors"
	"fmt"
	"strings"
)

// Outcomes that callers branch on.
var (
	ErrNotFound = errors.New("workload does not run here")
	ErrClosed   = errors.New("runtime is closed")
)

// Reason is why a workload could not be brought up.
type Reason string

// Reasons of a StartError.
const (
	ReasonCommand      Reason = "command"       // the program cannot be executed
	ReasonCrashLoop    Reason = "crash-loop"    // it ends again and again
	ReasonNotListening Reason = "not-listening" // it runs, but no port is bound in time
	ReasonUnhealthy    Reason = "unhealthy"     // it listens, but does not answer well in time
	ReasonPortInUse    Reason = "port-in-use"   // another process has the port
	ReasonFixedPort    Reason = "fixed-port"    // it ignores PORT, and more than one instance is wanted
	ReasonStatic       Reason = "static"        // the static folder cannot be served
	ReasonFiles        Reason = "files"         // there is no copy of the artifact to run from; this may pass
)

// StartError is a workload that could not be brought up. What ran before
// still runs.
type StartError struct {
	Key      Key
	Release  string
	Instance string
	Reason   Reason
	Detail   string   // what happened, with the numbers
	Next     []string // what a person can do about it; may be empty
	Lines    []string // last lines of output, oldest first
	Err      error    // cause, if there is one
}

// Error gives the detail in the first line, then what to do, then the output.
func (e *StartError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "start %s in %s: %s", e.Release, e.Key.Environment, e.Detail)
	for _, next := range e.Next {
		fmt.Fprintf(&b, "\n  next  %s", next)
	}
	for i, line := range e.Lines {
		label := "      "
		if i == 0 {
			label = "output"
		}
		fmt.Fprintf(&b, "\n  %s  %s", label, line)
	}
	return b.String()
}

func (e *StartError) Unwrap() error { return e.Err }
