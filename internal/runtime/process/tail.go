//go:build linux || darwin

package process

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

const (
	tailLines   = 20
	tailLineMax = 500 // bytes kept of a line
)

// tail keeps the last lines of each stream of a process.
type tail struct {
	mu      sync.Mutex
	arrived int // lines so far, of all streams
	streams map[string]*tailStream
}

type tailStream struct {
	lines   []tailLine
	partial []byte // begun and not ended
}

type tailLine struct {
	number int // among those of all streams
	text   string
}

func newTail() *tail { return &tail{streams: make(map[string]*tailStream)} }

// write takes output as it comes. Of much it looks at the end only.
func (t *tail) write(stream string, p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.streams[stream]
	if s == nil {
		s = &tailStream{}
		t.streams[stream] = s
	}
	end := bytes.LastIndexByte(p, '\n')
	if end < 0 {
		s.partial = clip(append(s.partial, clip(p)...))
		return
	}
	whole, rest := p[:end], p[end+1:]
	begin := end
	for n := 0; n < tailLines && begin >= 0; n++ {
		begin = bytes.LastIndexByte(whole[:begin], '\n')
	}
	if begin < 0 {
		first, others, more := bytes.Cut(whole, []byte{'\n'})
		t.push(s, append(s.partial, clip(first)...))
		if more {
			t.pushAll(s, others)
		}
	} else {
		t.pushAll(s, whole[begin+1:])
	}
	s.partial = append(s.partial[:0], clip(rest)...)
}

func (t *tail) pushAll(s *tailStream, lines []byte) {
	for line := range bytes.SplitSeq(lines, []byte{'\n'}) {
		t.push(s, line)
	}
}

func (t *tail) push(s *tailStream, line []byte) {
	text := printable(clip(line))
	if text == "" {
		return
	}
	if len(s.lines) == tailLines {
		copy(s.lines, s.lines[1:])
		s.lines = s.lines[:tailLines-1]
	}
	t.arrived++
	s.lines = append(s.lines, tailLine{t.arrived, text})
}

// last returns the last lines in the order of their arrival, with what was
// begun and never ended. A stream that prints much does not hide the other:
// each gets half of the lines, if it has as many.
func (t *tail) last() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.streams {
		t.push(s, s.partial)
		s.partial = nil
	}
	var kept []tailLine
	for name, s := range t.streams {
		others := 0
		for other, o := range t.streams {
			if other != name {
				others += len(o.lines)
			}
		}
		room := max(tailLines/2, tailLines-others)
		kept = append(kept, s.lines[max(0, len(s.lines)-room):]...)
	}
	slices.SortFunc(kept, func(a, b tailLine) int { return a.number - b.number })
	var lines []string
	for _, line := range kept {
		lines = append(lines, line.text)
	}
	return lines
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
