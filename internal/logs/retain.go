package logs

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// sweepEvery is how often the age and the total size of all logs are checked.
// The size of one journal is checked whenever it begins a segment.
const sweepEvery = 10 * time.Minute

// job is a segment to compress.
type job struct {
	j *journal
	s *segment
}

func (s *Store) compressLater(j *journal, seg *segment) {
	s.todo.Lock()
	s.todo.segments = append(s.todo.segments, job{j, seg})
	s.todo.Unlock()
	select {
	case s.work <- struct{}{}:
	default:
	}
}

// compressor compresses one segment at a time: logs take one core at most.
func (s *Store) compressor() {
	for {
		select {
		case <-s.stop:
			return
		case <-s.work:
		}
		for {
			s.todo.Lock()
			if len(s.todo.segments) == 0 {
				s.todo.Unlock()
				break
			}
			next := s.todo.segments[0]
			s.todo.segments = s.todo.segments[1:]
			s.todo.Unlock()
			select {
			case <-s.stop:
				return
			default:
			}
			if err := next.j.compress(next.s); err != nil {
				// The plain segment stays readable; Sweep has it tried again.
				s.log.Warn("compress log", "service", next.j.service, "environment", next.j.environment, "err", err)
			}
		}
	}
}

// compress replaces the plain segment, which is no longer appended to, by a
// compressed one. Readers that have it open go on reading.
func (j *journal) compress(s *segment) error {
	j.mu.Lock()
	work := *s
	j.mu.Unlock()
	if work.removed || !work.plain || work.last < work.first {
		return nil
	}
	path, size, err := work.compress()
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case s.removed && err == nil:
		return os.Remove(path)
	case s.removed:
		return nil
	case err != nil:
		return err
	}
	plain := s.path
	s.path, s.bytes, s.plain = path, size, false
	return os.Remove(plain)
}

// retain removes the oldest segments while the journal, with the given bytes
// to come, is over its size, and those over the age. The segment that is
// appended to stays. j.mu is held.
func (j *journal) retain(now time.Time, coming int64) {
	total := coming
	for _, s := range j.segments {
		total += s.bytes
	}
	cutoff := now.Add(-j.store.limits.MaxAge)
	n := 0
	for ; n < len(j.segments); n++ {
		s := j.segments[n]
		appended := n == len(j.segments)-1 && (j.active != nil || j.writers > 0)
		if appended || total <= j.store.limits.MaxBytes && !s.to.Before(cutoff) {
			break
		}
		s.removed = true
		if err := os.Remove(s.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			j.store.log.Warn("remove old log", "path", s.path, "err", err)
		}
		total -= s.bytes
	}
	j.segments = slices.Delete(j.segments, 0, n)
}

func (s *Store) sweeper() {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
			if err := s.Sweep(); err != nil {
				s.log.Warn("sweep logs", "err", err)
			}
		}
	}
}

// Sweep removes what is over the age, and the oldest segments of all journals
// while together they are over MaxTotal. It runs by itself every ten minutes.
func (s *Store) Sweep() error {
	names, err := s.names("", "")
	if err != nil {
		return err
	}
	type file struct {
		job
		to    time.Time
		bytes int64
	}
	var files []file
	var total int64
	now := s.now().UTC()
	for _, name := range names {
		j := s.journal(name[0], name[1])
		j.mu.Lock()
		if !j.loaded && !j.stale(now) { // nothing to remove: leave it unread
			total += size(j.dir)
			j.mu.Unlock()
			continue
		}
		if err := j.load(); err != nil {
			j.mu.Unlock()
			return err
		}
		j.retain(now, 0)
		for i, seg := range j.segments {
			total += seg.bytes
			if i < len(j.segments)-1 {
				if seg.plain { // its compression failed before
					s.compressLater(j, seg)
				}
				files = append(files, file{job{j, seg}, seg.to, seg.bytes})
			}
		}
		j.mu.Unlock()
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(a.to.Compare(b.to), cmp.Compare(a.s.first, b.s.first)) })
	for _, f := range files {
		if total <= s.limits.MaxTotal {
			break
		}
		f.j.drop(f.s)
		total -= f.bytes
	}
	return nil
}

// drop removes one segment.
func (j *journal) drop(s *segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if i := slices.Index(j.segments, s); i >= 0 {
		j.segments = slices.Delete(j.segments, i, i+1)
		s.removed = true
		_ = os.Remove(s.path)
	}
}

// stale tells by the files' times whether a journal that is not loaded may
// hold anything over the age.
func (j *journal) stale(now time.Time) bool {
	entries, _ := os.ReadDir(j.dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > j.store.limits.MaxAge {
			return true
		}
	}
	return false
}

func size(dir string) (total int64) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil {
			total += info.Size()
		}
	}
	return total
}
