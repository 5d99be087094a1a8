// Package logs keeps what workloads print: every line of stdout and stderr
// with its time, per service, environment, release and instance; on disk,
// compressed, bounded.
//
// Each service and environment has one journal: a directory of segments. A
// process that runs beside the one that serves has its own, under the name
// "service:process". The newest segment is plain text that is appended to and
// can be read meanwhile; full ones are compressed in the background, and the
// oldest are removed when the journal is over its limits. A line that was
// handed to write(2) survives the death of Stoa; a torn last line is ignored.
package logs

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Streams of an entry. StreamStoa is what Stoa itself has to say in the log,
// such as how many lines were dropped.
const (
	StreamStdout = "stdout"
	StreamStderr = "stderr"
	StreamStoa   = "stoa"
)

// MaxLine is the longest line kept whole, in bytes; a longer one is split into
// entries of which all but the last are Partial.
const MaxLine = 64 << 10

// Entry is one line of output.
type Entry struct {
	Time        time.Time `json:"time"` // UTC; later than that of every earlier entry of the process's journal
	Service     string    `json:"service"`
	Process     string    `json:"process,omitempty"` // which of the service's processes, unless it is the one that serves
	Environment string    `json:"environment"`
	Release     string    `json:"release"`
	Instance    string    `json:"instance"`
	Stream      string    `json:"stream"`
	// Line is valid UTF-8 without its line end; escape sequences are kept,
	// NUL is shown as U+2400.
	Line string `json:"line"`
	// Partial says that the line goes on in the next entry of this instance
	// and stream: it was too long, or not ended for a while.
	Partial bool   `json:"partial,omitempty"`
	Seq     uint64 `json:"seq"` // counts the entries of the journal, from 1
}

// Limits bound what is kept and taken. The zero value of each field is the
// default that is named.
type Limits struct {
	MaxBytes     int64         // on disk per service and environment; 256 MB
	MaxTotal     int64         // on disk over all; 10 GB
	MaxAge       time.Duration // 30 days
	SegmentBytes int64         // of the plain segment before it is compressed; 8 MB
	SegmentAge   time.Duration // of the same; 24 h
	// Rate is how many bytes a second one instance may log over both streams,
	// with Burst at once; 5 MB/s with 20 MB. Lines above are dropped and
	// counted, and the log itself says how many.
	Rate, Burst int
	// FlushPartial is how long a line may stay without its end before it is
	// shown; 500 ms.
	FlushPartial time.Duration
}

func (l Limits) withDefaults() Limits {
	l.MaxBytes = cmp.Or(l.MaxBytes, 256<<20)
	l.MaxTotal = cmp.Or(l.MaxTotal, 10<<30)
	l.MaxAge = cmp.Or(l.MaxAge, 30*24*time.Hour)
	l.SegmentBytes = min(cmp.Or(l.SegmentBytes, 8<<20), max(l.MaxBytes/4, 1))
	l.SegmentAge = cmp.Or(l.SegmentAge, 24*time.Hour)
	l.Rate = cmp.Or(l.Rate, 5_000_000)
	l.Burst = max(cmp.Or(l.Burst, 4*l.Rate), 2*MaxLine)
	l.FlushPartial = cmp.Or(l.FlushPartial, 500*time.Millisecond)
	return l
}

// Options configure a Store.
type Options struct {
	Limits
	Now        func() time.Time      // nil is time.Now
	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil keeps the store's metrics private
}

// Store is the journals of all services. Its methods may be called
// concurrently. One process at a time may have a directory open.
type Store struct {
	dir    string
	limits Limits
	now    func() time.Time
	log    *slog.Logger

	mu       sync.RWMutex
	journals map[[2]string]*journal // by service, environment
	closed   bool

	followers followers
	lines     prometheus.Counter
	dropped   *prometheus.CounterVec

	work chan struct{} // wakes the worker: something is to be compressed
	todo struct {
		sync.Mutex
		segments []job
	}
	stop    chan struct{}
	stopped sync.WaitGroup
}

// Open opens the logs in the directory, which is made if it is missing. It
// reads nothing of the journals yet, so it costs the same with many services.
func Open(dir string, opts Options) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open logs: %w", err)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Registerer == nil {
		opts.Registerer = prometheus.NewRegistry()
	}
	s := &Store{
		dir: dir, limits: opts.Limits.withDefaults(), now: opts.Now, log: opts.Logger,
		journals: map[[2]string]*journal{},
		work:     make(chan struct{}, 1),
		stop:     make(chan struct{}),
		lines: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "stoa_log_lines_total", Help: "Lines of workloads that were written to their logs."}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stoa_log_lines_dropped_total", Help: "Lines of workloads that were not kept, by reason: rate or disk."}, []string{"reason"}),
	}
	opts.Registerer.MustRegister(s.lines, s.dropped)
	s.stopped.Go(s.compressor)
	s.stopped.Go(s.sweeper)
	return s, nil
}

// Close ends the background work and closes all files. Lines that are written
// later are lost.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	journals := s.journals
	s.journals = map[[2]string]*journal{}
	s.mu.Unlock()
	close(s.stop)
	s.stopped.Wait()
	var errs []error
	for _, j := range journals {
		errs = append(errs, j.close())
	}
	return errors.Join(errs...)
}

// Remove deletes the journals of a service in an environment, for one that is
// gone for good, with those of its further processes.
func (s *Store) Remove(service, environment string) error {
	names, err := s.names(service, environment)
	errs := []error{err, s.journal(service, environment).remove()}
	for _, name := range names {
		errs = append(errs, s.journal(name[0], name[1]).remove())
	}
	return errors.Join(errs...)
}

// journal returns the one of the service, which may not exist on disk.
func (s *Store) journal(service, environment string) *journal {
	key := [2]string{service, environment}
	s.mu.RLock()
	j := s.journals[key]
	s.mu.RUnlock()
	if j != nil {
		return j
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if j = s.journals[key]; j == nil {
		j = &journal{
			store: s, service: service, environment: environment,
			dir:    filepath.Join(s.dir, escape(service), escape(environment)),
			closed: s.closed,
		}
		if !s.closed {
			s.journals[key] = j
		}
	}
	return j
}

// names lists the journals on disk: every service and environment that has
// logged, filtered by what is not empty. A service has those of its processes.
func (s *Store) names(service, environment string) ([][2]string, error) {
	services, err := subdirectories(s.dir, "")
	if err != nil {
		return nil, err
	}
	services = slices.DeleteFunc(services, func(name string) bool { return service != "" && !within(name, service) })
	var out [][2]string
	for _, sv := range services {
		environments, err := subdirectories(filepath.Join(s.dir, escape(sv)), environment)
		if err != nil {
			return nil, err
		}
		for _, env := range environments {
			out = append(out, [2]string{sv, env})
		}
	}
	return out, nil
}

// within reports whether a journal's name is the service's, or that of a
// process of it. A colon is in no service's name.
func within(name, service string) bool {
	return name == service || strings.HasPrefix(name, service+":")
}

func subdirectories(dir, only string) ([]string, error) {
	if only != "" {
		if _, err := os.Stat(filepath.Join(dir, escape(only))); err != nil {
			return nil, nil // it has never logged
		}
		return []string{only}, nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if name, err := unescape(e.Name()); err == nil && e.IsDir() {
			names = append(names, name)
		}
	}
	return names, nil
}
