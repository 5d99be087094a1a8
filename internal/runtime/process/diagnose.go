//go:build linux || darwin

package process

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/stoa-platform/stoa/internal/runtime"
)

// verdict says why the launch of an instance has failed, or nil if it is worth
// another try.
func (i *instance) verdict(last past, ends int) error {
	if last.failure != nil {
		return last.failure
	}
	e := &runtime.StartError{Key: i.w.Key, Release: i.w.Release, Instance: i.id, Lines: last.lines}
	if taken := findTaken(last.lines, i.w.Port); taken != nil {
		e.Reason, e.Err = runtime.ReasonPortInUse, taken
		e.Detail = taken.Error()
		e.Next = []string{"stop that process, or let the program listen on $PORT"}
		return e
	}
	if ends < crashLimit {
		return nil
	}
	e.Reason = runtime.ReasonCrashLoop
	e.Detail = fmt.Sprintf("ended %d times before it was healthy, last with %v", ends, last.exit)
	e.Next = []string{
		"stoa up --set NAME=VALUE    if its last words name a setting that is missing",
		"a Procfile with web: COMMAND    if they name an argument of the command",
	}
	if len(last.lines) == 0 {
		e.Next = []string{"it ended without a word: let it print why it ends, on stdout or stderr"}
	}
	if next := runtime.MissingProgram(i.w.Command, last.exit, last.lines); next != "" {
		e.Detail += ", as a program is not there"
		e.Next = []string{next}
	}
	if last.exit.Code == 0 && i.w.Serves {
		e.Next = []string{"it ended without an error: a server has to stay in the foreground; what ends by design is no service"}
	}
	return e
}

// portTaken is a port that a program wanted and another process has.
type portTaken struct {
	port    int
	pid     int    // 0 if it cannot be seen
	command string // empty if it cannot be seen
}

func (e *portTaken) Error() string {
	switch {
	case e.pid == 0:
		return fmt.Sprintf("port %d is in use by a process of another user", e.port)
	case e.command == "":
		return fmt.Sprintf("port %d is in use by pid %d", e.port, e.pid)
	}
	return fmt.Sprintf("port %d is in use by pid %d (%s)", e.port, e.pid, e.command)
}

// heldBy reports whether the port is held by one of the sessions.
func (e *portTaken) heldBy(sessions []int) bool {
	if e.pid == 0 {
		return false
	}
	group, _ := unix.Getpgid(e.pid)
	session, _ := unix.Getsid(e.pid)
	return slices.Contains(sessions, group) || slices.Contains(sessions, session)
}

var (
	// inUse matches what language runtimes say of EADDRINUSE (98 on Linux, 48
	// on macOS).
	inUse  = regexp.MustCompile(`(?i)EADDRINUSE|address (is )?already in use|\[?errno (98|48)\]?|port \d+ is (already )?(in use|allocated)`)
	number = regexp.MustCompile(`\b\d{2,5}\b`)
)

// findTaken looks in the output of a program that ended for a complaint about
// a port, and in the system for who has it. The port may be named in another
// line than the complaint, or be the detected one.
func findTaken(lines []string, detected int) *portTaken {
	if !slices.ContainsFunc(lines, inUse.MatchString) {
		return nil
	}
	var ports []int
	for _, complaint := range []bool{true, false} {
		for _, line := range lines {
			if inUse.MatchString(line) != complaint {
				continue
			}
			for _, digits := range number.FindAllString(line, -1) {
				if n, err := strconv.Atoi(digits); err == nil && n <= 65535 {
					ports = append(ports, n)
				}
			}
		}
		if complaint && detected != 0 {
			ports = append(ports, detected)
		}
	}
	for i, port := range ports {
		if slices.Contains(ports[:i], port) {
			continue
		}
		if pid, taken := owner(port); taken {
			return &portTaken{port: port, pid: pid, command: command(pid)}
		}
	}
	return nil
}
