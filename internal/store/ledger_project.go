package store

import (
	"context"
	"fmt"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store/sqliteconn"
)

// projectorPrincipal is who acts when a projector writes its summaries.
const projectorPrincipal = "stoa/projector"

const selectProjections = "SELECT name, version, watermark, error_seq, error, failed_at FROM projections "

// Project runs change in one transaction with the state of the named projection
// locked, and stores what change made of it. A projection that never ran has
// version 0.
//
// The commit does not wait for the disk: where a failure of power undoes it, the
// watermark goes back with the summary, and the events are projected again.
func (s *Store) Project(ctx context.Context, name string, change func(context.Context, event.SQL, *event.Projection) error) error {
	err := s.Write(sqliteconn.Late(ctx), projectorPrincipal, func(ctx context.Context, tx *Tx) error {
		if s.dialect.late != "" {
			if _, err := tx.Exec(ctx, s.dialect.late); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO projections (name, version, watermark, error_seq, error, failed_at)
			VALUES ($1, 0, 0, 0, '', 0) ON CONFLICT (name) DO NOTHING`, name); err != nil {
			return err
		}
		p, err := scanProjection(tx.QueryRow(ctx, selectProjections+"WHERE name = $1"+s.dialect.forUpdate, name))
		if err != nil {
			return err
		}
		before := p
		if err := change(ctx, tx, &p); err != nil || p == before {
			return err // what did not move is not written
		}
		var failedAt int64
		if !p.FailedAt.IsZero() {
			failedAt = p.FailedAt.UnixMicro()
		}
		_, err = tx.Exec(ctx, `UPDATE projections SET version = $2, watermark = $3, error_seq = $4, error = $5, failed_at = $6
			WHERE name = $1`, name, p.Version, p.Watermark, p.ErrorSeq, p.Error, failedAt)
		return err
	})
	if err != nil {
		return fmt.Errorf("project %s: %w", name, s.translate(err))
	}
	return nil
}

// Projections gives the state of every projection that ever ran, by name.
func (s *Store) Projections(ctx context.Context) ([]event.Projection, error) {
	var head int64
	if err := s.reader.QueryRowContext(ctx, "SELECT seq FROM ledger_head WHERE one = 1").Scan(&head); err != nil {
		return nil, fmt.Errorf("read projections: %w", s.translate(err))
	}
	rows, err := s.reader.QueryContext(ctx, selectProjections+"ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("read projections: %w", s.translate(err))
	}
	defer rows.Close()
	var all []event.Projection
	for rows.Next() {
		p, err := scanProjection(rows)
		if err != nil {
			return nil, fmt.Errorf("read projections: %w", s.translate(err))
		}
		p.Head = max(head, p.Watermark)
		all = append(all, p)
	}
	return all, s.translate(rows.Err())
}

func scanProjection(row interface{ Scan(...any) error }) (event.Projection, error) {
	var p event.Projection
	var failedAt int64
	err := row.Scan(&p.Name, &p.Version, &p.Watermark, &p.ErrorSeq, &p.Error, &failedAt)
	if failedAt != 0 {
		p.FailedAt = time.UnixMicro(failedAt).UTC()
	}
	return p, err
}
