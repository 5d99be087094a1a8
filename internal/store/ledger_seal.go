package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/event/merkle"
	"github.com/stoa-platform/stoa/internal/problem"
)

// ledgerPrincipal is who acts when the ledger keeps itself.
const ledgerPrincipal = "stoa/ledger"

// Leaves gives the hashes of up to limit events after a sequence, in order.
// Sequences have no gaps: a missing row is an error that says which.
func (s *Store) Leaves(ctx context.Context, after int64, limit int) ([]tlog.Hash, error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT seq, envelope, payload_hash FROM events WHERE seq > $1 ORDER BY seq LIMIT $2", after, limit)
	if err != nil {
		return nil, s.translate(err)
	}
	defer rows.Close()
	var leaves []tlog.Hash
	var envelope, hash sql.RawBytes
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq, &envelope, &hash); err != nil {
			return nil, s.translate(err)
		}
		if want := after + int64(len(leaves)) + 1; seq != want {
			return nil, problem.New(problem.Failed, "the ledger is damaged: event %d is missing (the next one is %d)", want, seq).
				Do("stoa audit export, then stoa audit verify", "restore the last backup: stoa restore")
		}
		leaves = append(leaves, event.StoredLeafHash(envelope, hash))
	}
	return leaves, s.translate(rows.Err())
}

// Tiles gives the stored ones of the tiles named by level and number.
func (s *Store) Tiles(ctx context.Context, want []merkle.Tile) ([]merkle.Tile, error) {
	return s.tiles(ctx, s.reader, want)
}

func (s *Store) tiles(ctx context.Context, q querier, want []merkle.Tile) ([]merkle.Tile, error) {
	var found []merkle.Tile
	for _, t := range want {
		err := q.QueryRowContext(ctx, "SELECT data FROM tiles WHERE level = $1 AND n = $2", t.Level, t.N).Scan(&t.Data)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, s.translate(err)
		}
		found = append(found, t)
	}
	return found, nil
}

// Checkpoint gives the signed checkpoint of a size, or the latest one for size
// 0. Without one the answer is problem.NotFound for a size, "" for the latest.
func (s *Store) Checkpoint(ctx context.Context, size int64) (string, error) {
	var note string
	if size == 0 {
		err := s.reader.QueryRowContext(ctx, "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1").Scan(&note)
		if errors.Is(err, sql.ErrNoRows) {
			return "", nil
		}
		return note, s.translate(err)
	}
	err := s.reader.QueryRowContext(ctx, "SELECT note FROM checkpoints WHERE size = $1", size).Scan(&note)
	if errors.Is(err, sql.ErrNoRows) {
		return "", problem.New(problem.NotFound, "no checkpoint of size %d", size).Do("stoa audit checkpoint    prints the newest")
	}
	return note, s.translate(err)
}

// errSealed says that another sealer was first.
var errSealed = errors.New("sealed by another")

// Seal stores the tiles that changed and the checkpoint that follows the one of
// size previous. It reports false, and changes nothing, when that one has a
// follower already.
func (s *Store) Seal(ctx context.Context, c event.Checkpoint, tiles []merkle.Tile) (bool, error) {
	err := s.Write(ctx, ledgerPrincipal, func(ctx context.Context, tx *Tx) error {
		result, err := tx.Exec(ctx, "INSERT INTO checkpoints (size, previous, note) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
			c.Size, c.Previous, c.Note)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errSealed)
		}
		for _, t := range tiles {
			if _, err := tx.Exec(ctx, `INSERT INTO tiles (level, n, data) VALUES ($1, $2, $3)
				ON CONFLICT (level, n) DO UPDATE SET data = excluded.data`, t.Level, t.N, t.Data); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errSealed) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("seal ledger: %w", err)
	}
	if err := s.partitionsAhead(ctx, c.Size); err != nil {
		return true, fmt.Errorf("make room in the ledger: %w", err)
	}
	return true, nil
}

// partitionRows is the number of events in a partition of table events.
const partitionRows = 10_000_000

// partitionsAhead makes sure that, on PostgreSQL, a whole empty partition lies
// beyond the one that holds sequence seq. The sealer calls it at every
// checkpoint, so that an append never has to make one. ATTACH, unlike CREATE
// … PARTITION OF, lets reading and writing go on.
func (s *Store) partitionsAhead(ctx context.Context, seq int64) error {
	want := seq/partitionRows + 2
	if s.dialect.name != "postgres" || s.ledger.partitions.Load() >= want {
		return nil
	}
	err := s.Write(ctx, ledgerPrincipal, func(ctx context.Context, tx *Tx) error {
		if err := tx.Lock(ctx, "ledger partitions"); err != nil {
			return err
		}
		var have int64
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass`).Scan(&have); err != nil {
			return err
		}
		for ; have < want; have++ {
			for _, query := range []string{
				fmt.Sprintf("CREATE TABLE events_%d (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)", have),
				fmt.Sprintf("ALTER TABLE events ATTACH PARTITION events_%d FOR VALUES FROM (%d) TO (%d)", have, have*partitionRows, (have+1)*partitionRows),
			} {
				if _, err := tx.Exec(ctx, query); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.ledger.partitions.Store(want)
	return nil
}

// LedgerKey gives the key that signs this ledger's checkpoints. The first call
// makes it, with the platform's name; the name of a key never changes after.
// It lies in the database, so that replicas share it and a restored backup goes
// on with it: who holds the database can sign, and only a checkpoint that was
// kept elsewhere proves that history was not rewritten.
func (s *Store) LedgerKey(ctx context.Context, name string) (event.Key, error) {
	var private string
	err := s.Write(ctx, ledgerPrincipal, func(ctx context.Context, tx *Tx) error {
		const find = "SELECT private FROM ledger_key WHERE one = 1"
		err := tx.QueryRow(ctx, find).Scan(&private)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		key, err := event.NewKey(name)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO ledger_key (one, private) VALUES (1, $1) ON CONFLICT (one) DO NOTHING", key.Private); err != nil {
			return err
		}
		return tx.QueryRow(ctx, find).Scan(&private)
	})
	if err != nil {
		return event.Key{}, fmt.Errorf("read ledger key: %w", s.translate(err))
	}
	return event.ParseKey(private)
}
