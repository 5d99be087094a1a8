package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// A simulated year of about 2,000 engineers. The smaller one has about a tenth of
// the events, by the same people and of the same releases.
const (
	yearTeams = "308"
	yearSeed  = "1"
	yearEnd   = "2026-11-01"
	yearLess  = 1.0 // activity of the smaller one
)

// What the measures of such a year may take.
const (
	monthTarget    = 150 * time.Millisecond
	wholeTarget    = 600 * time.Millisecond
	pageTarget     = 250 * time.Millisecond
	growthTarget   = 1.5     // times what the smaller year takes
	rebuildTarget  = 150_000 // events a second
	pageVisits     = 20      // of each page
	scorecardTries = 4       // in each run, of which the median counts
)

// measureYear asks for a year of 2,000 engineers and for one of fewer
// events, both platforms running, in turn.
func measureYear(ctx context.Context, l *lab, db database) (_ []line, err error) {
	small, err := l.openYear(ctx, db, yearLess)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, small.stop()) }()
	big, err := l.openYear(ctx, db, l.activity)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, big.stop()) }()
	lines, err := measureScorecards(ctx, l, big, small)
	if err != nil {
		return nil, err
	}
	pages, err := measurePages(ctx, l, big, small)
	if err != nil {
		return nil, err
	}
	rebuilt, err := measureRebuild(ctx, l, big)
	if err != nil {
		return nil, err
	}
	taken, err := measureIntake(ctx, l, big, false)
	return slices.Concat(lines, pages, []line{rebuilt}, taken), err
}

// year is a running platform that holds one.
type year struct {
	*platform
	db            database
	data, address string
	events        int64
}

// what names the database and the size of the ledger.
func (y *year) what() string {
	return fmt.Sprintf("%s events (%s)", thousands(float64(y.events)), y.db.name())
}

// openYear starts a platform on a year of so much activity, and waits until all of
// it is sealed and projected.
func (l *lab) openYear(ctx context.Context, db database, activity float64) (*year, error) {
	y := &year{db: db}
	var err error
	if y.data, y.address, err = l.findYear(ctx, db, activity); err != nil {
		return nil, err
	}
	if y.platform, err = l.serve(ctx, y.data, y.address); err != nil {
		return nil, err
	}
	// A projector that is newer than the year's begins anew just after the start.
	if err := sleep(ctx, 2*time.Second); err != nil {
		return nil, errors.Join(err, y.stop())
	}
	if y.events, err = y.caughtUp(ctx); err != nil {
		return nil, errors.Join(err, y.stop())
	}
	return y, nil
}

func (y *year) caughtUp(ctx context.Context) (head int64, err error) {
	if err := y.settle(ctx, y.db, y.address); err != nil {
		return 0, err
	}
	pool, err := y.db.open(y.address, false)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	return head, pool.QueryRowContext(ctx, "SELECT seq FROM ledger_head").Scan(&head)
}

// findYear gives the data folder and the database of a year, a copy of the kept
// one, which no bench changes. Years are simulated on SQLite, and brought to
// another database by their backup; both lie in l.keep, if that is set, and are
// found there by the next bench.
func (l *lab) findYear(ctx context.Context, db database, activity float64) (data, address string, err error) {
	keep := l.keep
	if keep == "" {
		keep = l.scratch
	}
	kept := filepath.Join(keep, fmt.Sprintf("year-%g", activity))
	if err := l.makeYear(ctx, kept, activity); err != nil {
		return "", "", err
	}
	if data, err = l.folder("data"); err != nil {
		return "", "", err
	}
	if _, ok := db.(sqliteFiles); ok {
		return data, filepath.Join(data, "stoa.db"), copyFolder(data, kept)
	}
	backup := kept + ".backup"
	if _, err := os.Stat(backup); errors.Is(err, os.ErrNotExist) {
		if err := l.backUp(ctx, kept, backup); err != nil {
			return "", "", err
		}
	}
	if address, err = db.create(ctx, l); err != nil {
		return "", "", err
	}
	began := time.Now()
	restore := exec.CommandContext(ctx, l.binary, "restore", backup, "--data", data, "--database", address)
	restore.Env = clean(data)
	if out, err := restore.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("stoa restore: %w: %.2000s", err, out)
	}
	fmt.Fprintf(l.progress, "  %s restored to %s in %s\n", filepath.Base(backup), db.name(), time.Since(began).Round(time.Second))
	return data, address, nil
}

// makeYear lets an organisation live on a new platform, unless that was done.
func (l *lab) makeYear(ctx context.Context, data string, activity float64) error {
	if _, err := os.Stat(data); err == nil {
		return nil
	}
	partial := data + ".partial" // of a bench that was broken off
	if err := errors.Join(os.RemoveAll(partial), os.MkdirAll(partial, 0o700)); err != nil {
		return err
	}
	p, err := l.serve(ctx, partial, "")
	if err != nil {
		return err
	}
	began := time.Now()
	simulate := p.command(ctx, l, "simulate", "--teams", yearTeams, "--months", "12", "--seed", yearSeed, "--end", yearEnd,
		"--activity", strconv.FormatFloat(activity, 'g', -1, 64))
	if out, err := simulate.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("stoa simulate: %w: %.2000s", err, out), p.stop())
	}
	posted := time.Since(began)
	if err := errors.Join(p.settle(ctx, sqliteFiles{}, filepath.Join(partial, "stoa.db")), p.stop()); err != nil {
		return err
	}
	fmt.Fprintf(l.progress, "  a year of activity %g simulated and posted in %s, level %s later\n", activity,
		posted.Round(time.Second), (time.Since(began) - posted).Round(time.Second))
	return os.Rename(partial, data)
}

// backUp writes a backup of a year on SQLite.
func (l *lab) backUp(ctx context.Context, data, into string) (err error) {
	p, err := l.serve(ctx, data, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if out, err := p.command(ctx, l, "backup", into+".partial").CombinedOutput(); err != nil {
		return fmt.Errorf("stoa backup: %w: %.2000s", err, out)
	}
	return os.Rename(into+".partial", into)
}

// measureRebuild starts the platform with all summaries to be made again.
func measureRebuild(ctx context.Context, l *lab, y *year) (_ line, err error) {
	if err := y.stop(); err != nil {
		return line{}, err
	}
	pool, err := y.db.open(y.address, true)
	if err != nil {
		return line{}, err
	}
	// No version is older than none: every projector begins anew.
	_, err = pool.ExecContext(ctx, "UPDATE projections SET version = 0")
	if err = errors.Join(err, pool.Close()); err != nil {
		return line{}, err
	}
	began := time.Now()
	p, err := l.serve(ctx, y.data, y.address)
	if err != nil {
		return line{}, err
	}
	y.platform = p
	if err := y.settle(ctx, y.db, y.address); err != nil {
		return line{}, err
	}
	took := time.Since(began)
	perSecond := float64(y.events) / took.Seconds()
	return line{
		what: "– all summaries from " + y.what(), ours: rate(perSecond), target: "≥ 150,000/s", met: perSecond >= rebuildTarget,
		note: fmt.Sprintf("in %s, from the start of the platform; once", took.Round(100*time.Millisecond)),
	}, nil
}
