package store

import (
	"context"
	"errors"

	"github.com/stoa-platform/stoa/internal/problem"
)

// fault is what an error of a driver means, whichever driver it was.
type fault int

const (
	faultNone        fault = iota // not the database's, or unknown
	faultRetry                    // lost a race with another transaction
	faultLocked                   // another process held a lock for too long
	faultUnique                   // a unique key exists already
	faultDiskFull                 //
	faultReadOnly                 // no permission, or a standby
	faultText                     // NUL or no UTF-8 in a text
	faultTooLarge                 // over a limit of the database
	faultUnreachable              // no connection, or it broke
	faultDamaged                  // not a database, or a broken one
	faultIO                       // the disk failed
	faultInterrupted              // the context ended meanwhile
)

// translate makes a problem of an error of the driver. Errors that are no
// driver's, and nil, pass as they are; the original stays in the chain.
func (s *Store) translate(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var known *problem.Problem
	if errors.As(err, &known) {
		return err
	}
	f := s.dialect.classify(err)
	p := toProblem(f)
	if p == nil {
		return err
	}
	if f == faultUnreachable { // names host, user and database, never the password
		p = p.Because(err.Error())
	}
	return p.Cause(err)
}

func toProblem(f fault) *problem.Problem {
	switch f {
	case faultRetry:
		return unavailable("too many changes at once", 1)
	case faultLocked:
		return unavailable("the database is locked by another process", 5).
			Do("try again; look for a backup tool or a second stoa that holds the database")
	case faultUnique:
		return problem.New(problem.Conflict, "it exists already").Do("read again and retry")
	case faultDiskFull:
		return unavailable("the database's disk is full: nothing was changed", 60).Do("free disk space, then try again")
	case faultReadOnly:
		return problem.New(problem.Unavailable, "the database cannot be written: nothing was changed").
			Do("check the owner and the permissions of the data folder, or that the PostgreSQL server is no standby")
	case faultText:
		return problem.New(problem.Invalid, "text must be valid UTF-8 without NUL")
	case faultTooLarge:
		return problem.New(problem.TooLarge, "too large for the database")
	case faultUnreachable:
		return unavailable("the database does not answer", 5).Do("check that the database server runs and may be reached")
	case faultDamaged:
		return problem.New(problem.Failed, "this is no database, or it is damaged").Do("restore the last backup: stoa restore")
	case faultIO:
		return unavailable("the database's disk failed: nothing was changed", 60).
			Do("check the disk's free space, limits and health, then try again")
	case faultInterrupted:
		return unavailable("the database was interrupted", 1)
	}
	return nil
}

func unavailable(title string, retryAfter int) *problem.Problem {
	p := problem.New(problem.Unavailable, "%s", title)
	p.RetryAfter = retryAfter
	return p
}
