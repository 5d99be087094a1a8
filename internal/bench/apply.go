package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What an apply of ten thousand services may take.
const (
	applyRatio  = 0.3
	applyTarget = 3 * time.Second
)

// measureApply applies ten thousand services in one file, all or nothing, and
// inserts the very same rows into the same tables with the same indexes.
func measureApply(ctx context.Context, l *lab, db database) ([]line, error) {
	data, template, err := l.seed(ctx, db, false)
	if err != nil {
		return nil, err
	}
	var ours, theirs, commands []time.Duration
	var made []tableRows
	for i := range l.runs {
		applied, took, err := l.applied(ctx, db, data, template, post)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			if made, err = rowsOfServices(ctx, db, template, applied); err != nil {
				return nil, err
			}
		}
		inserted, err := l.inserted(ctx, db, template, made)
		if err != nil {
			return nil, err
		}
		_, command, err := l.applied(ctx, db, data, template, l.command)
		if err != nil {
			return nil, err
		}
		ours, theirs, commands = append(ours, took), append(theirs, inserted), append(commands, command)
	}
	ratio := medianRatio(seconds(theirs), seconds(ours))
	n := 0
	for _, t := range made {
		n += len(t.rows)
	}
	return []line{{
		what: "apply of 10,000 services in one file over HTTP; prepared inserts of the same rows (" + db.name() + ")",
		ours: millis(medianTime(ours)), theirs: millis(medianTime(theirs)), ratio: times(ratio),
		target: "≥ 0.3×", met: ratio >= applyRatio, note: fmt.Sprintf("%d rows in %d tables, one transaction, durable", n, len(made)),
	}, {
		what: "the whole `stoa apply -f` of that file (" + db.name() + ")", ours: millis(medianTime(commands)),
		target: "≤ 3 s", met: medianTime(commands) <= applyTarget,
	}}, nil
}

// applied runs a platform on a copy of the template and lets do apply the file.
func (l *lab) applied(ctx context.Context, db database, data, template string, do func(context.Context, *platform, string) (time.Duration, error)) (address string, took time.Duration, err error) {
	if address, err = db.copy(ctx, l, template); err != nil {
		return "", 0, err
	}
	file := filepath.Join(data, "services.yaml")
	if err := os.WriteFile(file, servicesFile(), 0o600); err != nil {
		return "", 0, err
	}
	p, err := l.serve(ctx, data, address)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	took, err = do(ctx, p, file)
	return address, took, err
}

// post applies the file over HTTP.
func post(ctx context.Context, p *platform, file string) (time.Duration, error) {
	body, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	err = p.declare(ctx, body, services)
	return time.Since(began), err
}

// command applies the file by the command line.
func (l *lab) command(ctx context.Context, p *platform, file string) (time.Duration, error) {
	cmd := p.command(ctx, l, "apply", "-f", file, "-o", "name")
	began := time.Now()
	out, err := cmd.Output()
	took := time.Since(began)
	if err != nil {
		return 0, fmt.Errorf("stoa apply: %w: %s", err, stderrOf(err))
	}
	if n := strings.Count(string(out), "\n"); n != services {
		return 0, fmt.Errorf("stoa apply printed %d lines, want %d", n, services)
	}
	return took, nil
}

// inserted inserts rows into a copy of the template by prepared statements of
// one row, in one transaction.
func (l *lab) inserted(ctx context.Context, db database, template string, made []tableRows) (_ time.Duration, err error) {
	address, err := db.copy(ctx, l, template)
	if err != nil {
		return 0, err
	}
	pool, err := db.open(address, true)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	pool.SetMaxOpenConns(1)
	if err := pool.PingContext(ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	err = inTransaction(ctx, pool, func(tx *sql.Tx) error {
		for _, t := range made {
			if err := t.insert(ctx, tx, db); err != nil {
				return err
			}
		}
		return nil
	})
	return time.Since(began), err
}

func inTransaction(ctx context.Context, pool *sql.DB, do func(*sql.Tx) error) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
