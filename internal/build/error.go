package build

import (
	"fmt"
	"syscall"
	"time"
)

// Error is a build that was tried and did not succeed, told so that a person
// can act.
type Error struct {
	// Command is the step that failed, in one line as a person would type it;
	// empty when all steps passed and what they should have made is not there.
	Command string
	// ExitCode of the command; -1 when a signal ended it.
	ExitCode int
	Signal   syscall.Signal
	// After is the time limit that the build exceeded, else 0.
	After time.Duration
	// Lines are the last lines of the command's output, at most 20.
	Lines []string
	// Cause is the likely cause in a few words, for counting: "module-missing",
	// "compile-error", …; empty when none is known. Summary says it in a sentence.
	Cause   string
	Summary string
	// Next is what to do.
	Next []string
	// Err is the cause inside Stoa's own process, such as a full disk.
	Err error
}

// Error says what failed and the likely cause, without the output.
func (e *Error) Error() string {
	text := "the build failed"
	switch {
	case e.After > 0:
		text = fmt.Sprintf("the build did not end within %v: it was at `%s`", e.After, e.Command)
	case e.Command != "" && e.Signal != 0:
		text = fmt.Sprintf("`%s` was ended by signal %d (%v)", e.Command, int(e.Signal), e.Signal)
	case e.Command != "" && e.ExitCode != 0:
		text = fmt.Sprintf("`%s` failed with exit code %d", e.Command, e.ExitCode)
	case e.Command != "":
		text = fmt.Sprintf("`%s` could not be run", e.Command)
	}
	if e.Summary != "" {
		text += ": " + e.Summary
	} else if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause inside Stoa's own process.
func (e *Error) Unwrap() error { return e.Err }
