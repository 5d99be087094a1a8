package build

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
)

const (
	maxLine    = 16 << 10 // bytes; what is longer is cut into lines
	maxLog     = 16 << 20 // bytes of output kept and streamed per build
	tailLines  = 400      // lines kept to find the cause in
	shownLines = 20       // of those, told in an error
)

// output takes what a build's commands print: line by line into the log file
// and to the reader, the last lines into memory.
type output struct {
	mu   sync.Mutex
	file *bufio.Writer
	live io.Writer // nil once it failed: a reader that left must not fail the build
	rest []byte
	tail []string // of the command that runs
	size int64
}

// controls are the escape sequences for colours and cursors.
var controls = regexp.MustCompile("\x1b(\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)|[@-Z\\\\^_])")

// Write never fails: losing output must not end the command that prints it.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rest = append(o.rest, p...)
	for {
		end := bytes.IndexByte(o.rest, '\n')
		next := end + 1
		if end < 0 && len(o.rest) < maxLine {
			return len(p), nil
		}
		if end < 0 || end > maxLine {
			end, next = maxLine, maxLine
		}
		o.line(o.rest[:end])
		o.rest = o.rest[next:]
	}
}

// flush takes an unfinished last line as a line, and completes the file.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.rest) > 0 {
		o.line(o.rest)
		o.rest = nil
	}
	_ = o.file.Flush() // a full disk shows when the artifact is recorded
}

func (o *output) line(raw []byte) {
	// A progress bar rewrites its line: what it ended as is what counts.
	raw = bytes.TrimRight(raw, "\r")
	if i := bytes.LastIndexByte(raw, '\r'); i >= 0 {
		raw = raw[i+1:]
	}
	if bytes.IndexByte(raw, 0x1b) >= 0 {
		raw = controls.ReplaceAll(raw, nil)
	}
	text := strings.ToValidUTF8(string(raw), "\ufffd")
	if len(o.tail) >= 2*tailLines {
		o.tail = append([]string(nil), o.tail[tailLines:]...)
	}
	o.tail = append(o.tail, text)

	before := o.size
	o.size += int64(len(text)) + 1
	if o.size > maxLog {
		if before > maxLog {
			return
		}
		o.size = maxLog + 1
		text = fmt.Sprintf("[output over %d MB is not kept; the last lines are, should the build fail]", maxLog>>20)
	}
	o.print(text)
}

func (o *output) print(text string) {
	line := []byte(text + "\n")
	_, _ = o.file.Write(line)
	if o.live != nil {
		if _, err := o.live.Write(line); err != nil {
			o.live = nil
		}
	}
}

// say adds a line of Stoa's own.
func (o *output) say(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.print(text)
}

// start announces a command and begins its tail.
func (o *output) start(command string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail = nil
	o.print("$ " + command)
}

// last gives the last lines of the command, the oldest first.
func (o *output) last() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tail[max(0, len(o.tail)-tailLines):]
}

// replay copies a finished build's log to somebody who waited for it.
func replay(path string, w io.Writer) {
	if f, err := os.Open(path); err == nil {
		defer f.Close()
		_, _ = io.Copy(w, f)
	}
}

func openLog(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open build log: the artifact was deleted: %w", err)
	}
	return f, err
}
