package runtimetest

import (
	"bytes"
	"io"
	"strings"
	"sync"

	"github.com/stoa-platform/stoa/internal/runtime"
)

// logMax is how much of each release is kept.
const logMax = 1 << 20

// Logs keeps the output of each release in memory.
type Logs struct {
	mu   sync.Mutex
	text map[string]*bytes.Buffer // by release and stream
}

// NewLogs returns empty logs.
func NewLogs() *Logs { return &Logs{text: make(map[string]*bytes.Buffer)} }

// Open implements runtime.Logs.
func (l *Logs) Open(_ runtime.Key, release, _, stream string) io.WriteCloser {
	return &logWriter{l, release + "/" + stream}
}

// Lines returns what the release has printed on the stream.
func (l *Logs) Lines(release, stream string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.text[release+"/"+stream]
	if b == nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

type logWriter struct {
	logs *Logs
	name string
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.logs.mu.Lock()
	defer w.logs.mu.Unlock()
	b := w.logs.text[w.name]
	if b == nil {
		b = new(bytes.Buffer)
		w.logs.text[w.name] = b
	}
	if b.Len() < logMax {
		b.Write(p)
	}
	return len(p), nil
}

func (w *logWriter) Close() error { return nil }
