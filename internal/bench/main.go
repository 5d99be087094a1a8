// Command bench measures a built Stoa against what the same work costs without
// it, in the same run on the same machine, and says whether the targets hold.
//
//	go run ./internal/bench [-row NAME] [-runs N] [-markdown FILE] [-profile DIR]
//
// It needs Go; rows on PostgreSQL start a private server and say so when there
// is none.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// start does what this process is for: the bench itself, or one of the servers
// that the bench starts of its own program.
func start(ctx context.Context, args []string, out, progress io.Writer) error {
	switch os.Getenv(roleVariable) {
	case roleBare:
		return serveBare(ctx, args, out)
	case rolePlatform:
		return serveProfiled(ctx, args)
	}
	return run(ctx, args, out, progress)
}

// row is one part of the bench; it may give several lines of the table.
type row struct {
	name    string
	measure func(context.Context, *lab) ([]line, error)
}

// rows are all of them, in the order of the table.
func rows() []row {
	return []row{
		{"up", measureUp},
		{"start", measureStart},
		{"apply", onBoth(measureApply)},
		{"read", onBoth(measureRead)},
		{"events", onBoth(measureEvents)},
		{"jobs", onBoth(measureJobs)},
		{"year", onBoth(measureYear)},
		{"binary", measureBinary},
		{"build", measureBuild},
	}
}

// onBoth measures on each database.
func onBoth(measure func(context.Context, *lab, database) ([]line, error)) func(context.Context, *lab) ([]line, error) {
	return func(ctx context.Context, l *lab) ([]line, error) {
		var all []line
		for _, db := range l.databases {
			lines, err := measure(ctx, l, db)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", db.name(), err)
			}
			all = append(all, lines...)
		}
		return all, nil
	}
}

func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	var names []string
	for _, r := range rows() {
		names = append(names, r.name)
	}
	only := flags.String("row", "", "measure these only, separated by commas: "+strings.Join(names, ", "))
	runs := flags.Int("runs", 5, "how many pairs each median is of")
	markdown := flags.String("markdown", "", "also write the report to this file")
	profile := flags.String("profile", "", "write CPU profiles of the platform into this folder")
	binary := flags.String("stoa", "", "measure this binary instead of building one")
	activity := flags.Float64("activity", 13, "of the simulated year: 13 gives about 10,000,000 events")
	on := flags.String("database", "", "measure on this one only: sqlite or postgresql")
	keep := flags.String("keep", "", "keep the simulated years in this folder, and find them there")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *runs < 1 || flags.NArg() > 0 {
		return fmt.Errorf("usage: bench [-row NAME] [-runs N ≥ 1] [-markdown FILE]; got %q", args)
	}
	var wanted []string
	if *only != "" {
		wanted = strings.Split(*only, ",")
	}
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			return fmt.Errorf("there is no row %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	l, err := newLab(ctx, progress, *binary)
	if err != nil {
		return err
	}
	defer func() { err = joinClose(err, l) }()
	l.runs, l.profile = *runs, *profile
	l.activity, l.keep = *activity, *keep
	if *on != "" {
		l.databases = slices.DeleteFunc(l.databases, func(db database) bool { return !strings.EqualFold(db.name(), *on) })
		if len(l.databases) == 0 {
			return fmt.Errorf("there is no database %q here: sqlite or postgresql, if it is installed", *on)
		}
	}

	report := newReport(ctx, l)
	for _, r := range rows() {
		if len(wanted) > 0 && !slices.Contains(wanted, r.name) {
			continue
		}
		fmt.Fprintf(progress, "%s …\n", r.name)
		began := time.Now()
		lines, err := r.measure(ctx, l)
		if err != nil {
			return fmt.Errorf("row %s: %w", r.name, err)
		}
		fmt.Fprintf(progress, "%s: %s\n", r.name, time.Since(began).Round(time.Second))
		for _, l := range lines {
			fmt.Fprintln(progress, " ", strings.Join(l.cells(), " · "))
		}
		report.lines = append(report.lines, lines...)
	}
	report.finish()
	if err := report.text(out); err != nil {
		return err
	}
	if *markdown == "" {
		return nil
	}
	return report.write(*markdown)
}

// build makes the binary as `make dist` does.
func build(ctx context.Context, into string, environment ...string) (string, error) {
	path := filepath.Join(into, "stoa")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "github.com/stoa-platform/stoa/cmd/stoa")
	cmd.Env = append(os.Environ(), environment...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build stoa: %w: %s", err, out)
	}
	return path, nil
}
