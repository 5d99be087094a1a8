package logs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// retryDisk is how long nothing is tried after a write failed.
const retryDisk = time.Second

// journal is the log of one service in one environment.
type journal struct {
	store                *Store
	service, environment string
	dir                  string

	mu       sync.Mutex
	loaded   bool
	closed   bool
	segments []*segment // oldest first
	active   *os.File   // the last segment, opened for append; nil between writers
	began    time.Time  // of the active segment in this process
	seq      uint64     // of the newest entry
	last     time.Time  // of the newest entry
	writers  int
	meters   map[source]*meter // by release and instance
	buf      []byte
	stamp    stamp

	failed time.Time // when the disk last took no line; zero is well
	lost   int64     // lines since then
}

// load reads the directory once. j.mu is held.
func (j *journal) load() error {
	if j.loaded {
		return nil
	}
	segments, err := readSegments(j.dir)
	if err != nil {
		return fmt.Errorf("read log of %s in %s: %w", j.service, j.environment, err)
	}
	j.segments, j.loaded = segments, true
	for i, s := range segments {
		j.seq = max(j.seq, s.last)
		if s.to.After(j.last) {
			j.last = s.to
		}
		if s.plain && i < len(segments)-1 {
			j.store.compressLater(j, s)
		}
	}
	return nil
}

// append writes the lines in one write(2) and shows them to the followers. It
// never fails for the caller: what the disk does not take is counted as lost.
// It returns how many lines were taken.
func (j *journal) append(lines ...line) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || len(lines) == 0 {
		return 0
	}
	now := j.store.now().UTC().Round(0)
	if !j.failed.IsZero() && now.Sub(j.failed).Abs() < retryDisk {
		j.lose(len(lines), now, nil)
		return 0
	}
	// Times never go back, so that time order is the order of writing. Only
	// if the clock was set back far is it believed again.
	if j.last.Sub(now) > time.Minute {
		j.last = time.Time{}
	}
	if err := j.prepare(now); err != nil {
		j.lose(len(lines), now, err)
		return 0
	}
	if j.lost > 0 {
		note := fmt.Sprintf("stoa: %s lost: the disk took no more", count(j.lost, "line"))
		lines = append([]line{{source: source{"~", "~", 's'}, text: []byte(note)}}, lines...)
	}
	s := j.segments[len(j.segments)-1]
	at, seq := j.last, j.seq
	b := j.buf[:0]
	added := *s
	times := make([]time.Time, 0, len(lines))
	for _, l := range lines {
		if seq++; now.After(at) {
			at = now
		} else {
			at = at.Add(1)
		}
		times = append(times, at)
		b = appendRecord(b, at, &j.stamp, seq, l)
		added.add(at, seq)
	}
	j.buf = b
	if cap(j.buf) > 1<<20 {
		j.buf = nil
	}
	if err := j.write(b, s); err != nil {
		j.lose(len(lines), now, err)
		return 0
	}
	added.size += int64(len(b))
	added.bytes = added.size
	*s = added
	first := j.seq + 1
	j.seq, j.last = seq, at
	j.recover()
	j.store.lines.Add(float64(len(lines)))
	j.store.followers.publish(j, lines, times, first)
	return len(lines)
}

// write appends b to the active segment, wholly or not at all.
func (j *journal) write(b []byte, s *segment) error {
	n, err := j.active.Write(b)
	if err == nil {
		return nil
	}
	if n > 0 && j.active.Truncate(s.size) != nil {
		// The torn end stays; a new segment begins behind it.
		_ = j.active.Close()
		j.active = nil
	}
	return err
}

// prepare makes the active segment ready to be appended to: opened, new if the
// last one is full or old. j.mu is held.
func (j *journal) prepare(now time.Time) error {
	if err := j.load(); err != nil {
		return err
	}
	limits := j.store.limits
	if j.active != nil {
		s := j.segments[len(j.segments)-1]
		if s.size < limits.SegmentBytes && now.Sub(j.began) < limits.SegmentAge {
			return nil
		}
		_ = j.active.Close()
		j.active = nil
		j.store.compressLater(j, s)
	} else if n := len(j.segments); n > 0 {
		if s := j.segments[n-1]; s.plain && !s.removed && s.size < limits.SegmentBytes && now.Sub(s.from) < limits.SegmentAge {
			return j.reopen(s, now)
		} else if s.plain {
			j.store.compressLater(j, s)
		}
	}
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return err
	}
	s := &segment{first: j.seq + 1, last: j.seq, plain: true, path: filepath.Join(j.dir, plainName(j.seq+1))}
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	// An empty segment of the same number holds nothing: this one replaces it.
	if n := len(j.segments); n > 0 && j.segments[n-1].first == s.first {
		j.segments = j.segments[:n-1]
	}
	j.segments = append(j.segments, s)
	j.active, j.began = f, now
	j.retain(now, limits.SegmentBytes)
	return nil
}

// reopen goes on with the last segment, behind its last whole record.
func (j *journal) reopen(s *segment, now time.Time) error {
	f, err := os.OpenFile(s.path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(s.size); err != nil {
		f.Close()
		return err
	}
	j.active, j.began = f, now
	if s.last >= s.first {
		j.began = s.from
	}
	return nil
}

// lose counts lines that the disk did not take, and says so once.
func (j *journal) lose(n int, now time.Time, err error) {
	if err != nil {
		if j.failed.IsZero() {
			j.store.log.Error("logs cannot be written; the workload runs on",
				"service", j.service, "environment", j.environment, "err", err)
		}
		j.failed = now
	}
	j.lost += int64(n)
	j.store.dropped.WithLabelValues("disk").Add(float64(n))
}

func (j *journal) recover() {
	if j.failed.IsZero() {
		return
	}
	j.store.log.Info("logs are written again", "service", j.service, "environment", j.environment, "lost", j.lost)
	j.failed, j.lost = time.Time{}, 0
}

// attach and detach count the writers; the file is closed with the last.
func (j *journal) attach() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.writers++
}

func (j *journal) detach() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.writers--; j.writers == 0 && j.active != nil {
		_ = j.active.Close()
		j.active = nil
	}
}

// view is a segment as it was when a query began.
type view struct {
	segment
	of *segment
}

// snapshot returns the segments that may hold entries in [since, until).
func (j *journal) snapshot(since, until time.Time) ([]view, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.load(); err != nil {
		return nil, err
	}
	var out []view
	for _, s := range j.segments {
		if s.overlaps(since, until) {
			out = append(out, view{*s, s})
		}
	}
	return out, nil
}

// open opens the segment under the name that it has now, limited to what it
// held when the view was taken; nil if it has been removed meanwhile.
func (j *journal) open(v view) (io.ReadCloser, error) {
	j.mu.Lock()
	now := *v.of
	if now.removed {
		j.mu.Unlock()
		return nil, nil
	}
	r, err := now.open()
	j.mu.Unlock()
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil || !v.plain {
		return r, err
	}
	return limited{io.LimitReader(r, v.size), r}, nil
}

type limited struct {
	io.Reader
	io.Closer
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	if j.active == nil {
		return nil
	}
	err := j.active.Close()
	j.active = nil
	return err
}

func (j *journal) remove() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.active != nil {
		_ = j.active.Close()
		j.active = nil
	}
	for _, s := range j.segments {
		s.removed = true
	}
	j.segments, j.loaded, j.seq, j.last = nil, false, 0, time.Time{}
	err := os.RemoveAll(j.dir)
	_ = os.Remove(filepath.Dir(j.dir)) // of the service, if this was its last
	return err
}
