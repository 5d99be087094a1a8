package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// lab is the place of the measurements: the binary, a scratch folder, the
// databases, and what must be ended at the end.
type lab struct {
	binary   string
	scratch  string
	progress io.Writer
	profile  string // folder for CPU profiles, or ""
	runs     int
	activity float64 // of the larger simulated year
	keep     string  // folder of simulated years, or ""

	databases []database
	missing   []string // what could not be measured, and why
	closers   []func() error
	serial    int
}

func newLab(ctx context.Context, progress io.Writer, binary string) (*lab, error) {
	scratch, err := os.MkdirTemp("", "stoa-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{scratch: scratch, progress: progress, binary: binary, databases: []database{sqliteFiles{}}}
	l.closing(func() error { return os.RemoveAll(scratch) })
	if binary == "" {
		fmt.Fprintln(progress, "building …")
		if l.binary, err = build(ctx, scratch); err != nil {
			return nil, joinClose(err, l)
		}
	}
	if l.binary, err = filepath.Abs(l.binary); err != nil {
		return nil, joinClose(err, l)
	}
	server, err := startPostgres()
	if err != nil {
		l.missing = append(l.missing, "PostgreSQL: not measured: "+err.Error())
		return l, nil
	}
	l.databases = append(l.databases, server)
	l.closing(server.close)
	return l, nil
}

func (l *lab) closing(f func() error) { l.closers = append(l.closers, f) }

// folder makes a new folder in the scratch folder.
func (l *lab) folder(name string) (string, error) {
	l.serial++
	path := filepath.Join(l.scratch, fmt.Sprintf("%s-%d", name, l.serial))
	return path, os.Mkdir(path, 0o700)
}

// joinClose ends all that the lab has started, newest first.
func joinClose(err error, l *lab) error {
	for i := len(l.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, l.closers[i]())
	}
	l.closers = nil
	return err
}
