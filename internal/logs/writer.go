package logs

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"golang.org/x/time/rate"
)

// Writer returns the log of one stream of one instance. Writes split into
// lines; they never fail and never wait for more than one write(2) to the page
// cache: what is over the rate, or what the disk does not take, is dropped,
// counted, and told in the log. Close shows what is left of the last line.
func (s *Store) Writer(service, environment, release, instance, stream string) io.WriteCloser {
	letter, ok := streamLetters[stream]
	if !ok {
		letter = streamLetters[StreamStdout]
	}
	j := s.journal(service, environment)
	j.attach()
	w := &writer{
		journal: j, limits: s.limits, now: s.now,
		source: source{escape(release), escape(instance), letter},
	}
	w.meter = j.meter(w.source)
	return w
}

type writer struct {
	journal *journal
	limits  Limits
	now     func() time.Time
	source  source
	meter   *meter

	mu     sync.Mutex
	rest   []byte      // of a line whose end has not come
	timer  *time.Timer // shows the rest if it does not come soon
	closed bool
	lines  []line
}

// Write takes all of p. After Close it takes and loses it.
func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return len(p), nil
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	now, size := w.now(), len(p)
	joined := p
	if len(w.rest) > 0 {
		w.rest = append(w.rest, p...)
		joined = w.rest
	}
	lines := w.lines[:0]
	for {
		i := bytes.IndexByte(joined, '\n')
		if i < 0 {
			break
		}
		lines = w.cut(lines, now, bytes.TrimSuffix(joined[:i], carriageReturn), false)
		joined = joined[i+1:]
	}
	for len(joined) > MaxLine {
		n := boundary(joined)
		lines = w.cut(lines, now, joined[:n], true)
		joined = joined[n:]
	}
	w.journal.append(lines...)
	clear(lines)
	w.lines = lines[:0]
	w.rest = append(w.rest[:0], joined...)
	if len(w.rest) > 0 {
		if w.timer == nil {
			w.timer = time.AfterFunc(w.limits.FlushPartial, w.flush)
		} else {
			w.timer.Reset(w.limits.FlushPartial)
		}
	}
	return size, nil
}

var carriageReturn = []byte{'\r'}

// cut adds the text as lines no longer than MaxLine, if the rate allows them.
func (w *writer) cut(lines []line, now time.Time, text []byte, partial bool) []line {
	for len(text) > MaxLine {
		n := boundary(text)
		lines = w.cut(lines, now, text[:n], true)
		text = text[n:]
	}
	if w.meter.allow(now, len(text)+1) {
		lines = append(lines, line{w.source, text, partial})
	}
	return lines
}

// boundary is where to split a text longer than MaxLine: not in a character.
func boundary(text []byte) int {
	for n := MaxLine; n > MaxLine-utf8.UTFMax; n-- {
		if utf8.RuneStart(text[n]) {
			return n
		}
	}
	return MaxLine
}

// flush shows the beginning of a line that has not ended for a while.
func (w *writer) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.showRest(true)
}

func (w *writer) showRest(partial bool) {
	if len(w.rest) > 0 && !w.closed {
		w.journal.append(w.cut(nil, w.now(), w.rest, partial)...)
		w.rest = w.rest[:0]
	}
}

// Dropped tells of output that never reached the writer.
func (w *writer) Dropped(bytes int64) { w.meter.dropBytes(bytes) }

func (w *writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	w.showRest(false)
	w.closed, w.rest = true, nil
	w.journal.releaseMeter(w.meter)
	w.journal.detach()
	return nil
}

// meter bounds what one instance logs over all its streams.
type meter struct {
	journal *journal
	source  source
	writers int // counted under journal.mu
	rate    *rate.Limiter

	mu    sync.Mutex
	lines int64 // dropped and not yet told
	bytes int64 // dropped before they were lines, and not yet told
	since time.Time
	timer *time.Timer
}

func (j *journal) meter(src source) *meter {
	j.mu.Lock()
	defer j.mu.Unlock()
	src.letter = streamLetters[StreamStoa]
	m := j.meters[src]
	if m == nil {
		m = &meter{journal: j, source: src, rate: rate.NewLimiter(rate.Limit(j.store.limits.Rate), j.store.limits.Burst)}
		if j.meters == nil {
			j.meters = map[source]*meter{}
		}
		j.meters[src] = m
	}
	m.writers++
	return m
}

func (j *journal) releaseMeter(m *meter) {
	m.tell()
	j.mu.Lock()
	defer j.mu.Unlock()
	if m.writers--; m.writers == 0 {
		delete(j.meters, m.source)
	}
}

// allow tells whether n bytes are within the rate; if not, one line is lost.
func (m *meter) allow(now time.Time, n int) bool {
	if m.rate.AllowN(now, n) {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines++
	m.tellSoon(now)
	return false
}

func (m *meter) dropBytes(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes += n
	m.tellSoon(m.journal.store.now())
}

// tellSoon has the loss told in a second, once for all of that second.
func (m *meter) tellSoon(now time.Time) {
	if m.since.IsZero() {
		m.since = now
		m.timer = time.AfterFunc(time.Second, m.tell)
	}
}

// tell writes into the log what was lost since it was last told.
func (m *meter) tell() {
	m.mu.Lock()
	lines, bytes, since := m.lines, m.bytes, m.since
	m.lines, m.bytes, m.since = 0, 0, time.Time{}
	if m.timer != nil {
		m.timer.Stop()
	}
	m.mu.Unlock()
	say := func(format string, args ...any) {
		m.journal.append(line{source: m.source, text: fmt.Appendf(nil, format, args...)})
	}
	if lines > 0 {
		m.journal.store.dropped.WithLabelValues("rate").Add(float64(lines))
		took := max(m.journal.store.now().Sub(since).Round(time.Second), time.Second)
		say("stoa: %s dropped in %d s: over %s/s", count(lines, "line"), int(took.Seconds()), size10(m.journal.store.limits.Rate))
	}
	if bytes > 0 {
		say("stoa: %s of output dropped: the log could not keep up", humanize.Bytes(uint64(bytes)))
	}
}

// count gives "1 line", "12,345 lines".
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return humanize.Comma(n) + " " + noun + "s"
}

// size10 gives "5 MB", "1.5 kB".
func size10(n int) string {
	value, prefix := humanize.ComputeSI(float64(n))
	return humanize.FtoaWithDigits(value, 1) + " " + prefix + "B"
}
