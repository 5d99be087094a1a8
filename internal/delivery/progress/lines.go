package progress

import (
	"bytes"
	"strings"
	"sync"
)

// Lines cuts a stream into lines.
type Lines struct {
	mu   sync.Mutex
	rest []byte
	Emit func(line string) // gets each line without its end, one after another
}

// maxLine bounds a line that never ends.
const maxLine = 16 << 10

// Write never fails.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 && len(l.rest) < maxLine {
			return len(p), nil
		}
		if i < 0 { // it never ends
			l.Emit(string(l.rest))
			l.rest = l.rest[:0]
			continue
		}
		l.Emit(strings.TrimRight(string(l.rest[:i]), "\r"))
		l.rest = l.rest[i+1:]
	}
}

// Flush emits what has no end of a line yet.
func (l *Lines) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.Emit(string(l.rest))
		l.rest = nil
	}
}
