package store

import (
	"database/sql"
	"fmt"
	"time"
)

// The write-ahead log of SQLite, in pages of 4 KiB.
const (
	// walMoved is how much of it is moved into the file at once, beside the writer.
	walMoved = 4096
	// walLimit is when a commit moves it itself: only that empties the log while
	// there is always something to write.
	walLimit = 32768
	// walRest is the time from a commit until the log is looked at.
	walRest = 100 * time.Millisecond
)

// keepLogShort moves what the store's commits leave in the write-ahead log into the file, on a
// connection of its own, until the store closes. SQLite by itself does so within
// the commit that makes the log too long, which then takes as long as ten others.
func (s *Store) keepLogShort(path string) error {
	pool, err := openPool(path, "deferred", []string{"busy_timeout(0)", "synchronous(full)"}, 1)
	if err != nil {
		return err
	}
	s.committed = make(chan struct{}, 1)
	s.background.Go(func() {
		defer pool.Close()
		for {
			select {
			case <-s.open.Done():
				return
			case <-s.committed:
			}
			select {
			case <-s.open.Done():
				return
			case <-time.After(walRest):
			}
			if err := s.shortenLog(pool); err != nil && s.open.Err() == nil {
				s.logger.Warn("shorten the write-ahead log", "err", err)
			}
		}
	})
	return nil
}

// shortenLog moves the log if it has become long. Pages that somebody still reads
// as they were, and those of commits meanwhile, stay for the next time.
func (s *Store) shortenLog(pool *sql.DB) error {
	var busy, pages, moved int64
	for _, mode := range []string{"NOOP", "PASSIVE"} {
		err := pool.QueryRowContext(s.open, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &pages, &moved)
		if err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
		if pages-moved < walMoved {
			return nil
		}
	}
	return nil
}

// noteCommit lets the log be looked at.
func (s *Store) noteCommit() {
	select {
	case s.committed <- struct{}{}:
	default: // it will be, or there is no log: the channel is nil
	}
}
