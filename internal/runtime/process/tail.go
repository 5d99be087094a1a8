//go:build linux || darwin

package process

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

const (
	tailLines   = 20
	tailLineMax = 500 // bytes kept of a line
)

// tail keeps the last lines of both streams of a process, in the order in
// which they were ended.
type tail struct {
	mu      sync.Mutex
	lines   []string
	partial map[string][]byte // by stream: begun and not ended
}

func newTail() *tail { return &tail{partial: make(map[string][]byte)} }

// write takes output as it comes. Of much it looks at the end only.
func (t *tail) write(stream string, p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := bytes.LastIndexByte(p, '\n')
	if end < 0 {
		t.partial[stream] = clip(append(t.partial[stream], p...))
		return
	}
	whole, rest := p[:end], p[end+1:]
	begin := end
	for n := 0; n < tailLines && begin >= 0; n++ {
		begin = bytes.LastIndexByte(whole[:begin], '\n')
	}
	if begin < 0 {
		first, others, more := bytes.Cut(whole, []byte{'\n'})
		t.push(append(t.partial[stream], clip(first)...))
		if more {
			t.pushAll(others)
		}
	} else {
		t.pushAll(whole[begin+1:])
	}
	t.partial[stream] = append(t.partial[stream][:0], clip(rest)...)
}

func (t *tail) pushAll(lines []byte) {
	for line := range bytes.SplitSeq(lines, []byte{'\n'}) {
		t.push(line)
	}
}

func (t *tail) push(line []byte) {
	text := printable(clip(line))
	if text == "" {
		return
	}
	if len(t.lines) == tailLines {
		copy(t.lines, t.lines[1:])
		t.lines = t.lines[:tailLines-1]
	}
	t.lines = append(t.lines, text)
}

// last returns the last lines, oldest first, with what was begun on stderr or
// stdout and never ended.
func (t *tail) last() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for stream, p := range t.partial {
		t.push(p)
		t.partial[stream] = p[:0]
	}
	return append([]string(nil), t.lines...)
}

func clip(p []byte) []byte { return p[:min(len(p), tailLineMax)] }

// colour matches what programs write to colour a terminal.
var colour = regexp.MustCompile("\x1b\\[[0-9;:?]*[@-~]")

// printable makes a line safe to show on a terminal: no escape sequences.
func printable(line []byte) string {
	text := strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsGraphic(r) {
			return r
		}
		return -1
	}, colour.ReplaceAllString(strings.ToValidUTF8(string(line), "\uFFFD"), ""))
	return strings.TrimRight(text, " \t")
}
