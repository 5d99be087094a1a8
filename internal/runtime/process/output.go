//go:build linux || darwin

package process

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
)

const (
	outputChunk = 64 << 10 // bytes read at once: what a Linux pipe holds
	outputQueue = 1 << 20  // most bytes of a stream that wait for the log
)

// output carries one stream of a process to its log. It reads as fast as the
// process writes, so that the process never waits; what the log cannot take
// is dropped in whole lines, and counted.
type output struct {
	stream string
	pipe   *os.File
	tail   *tail
	sink   io.WriteCloser // nil: only the tail is kept

	mu      sync.Mutex
	arrived *sync.Cond
	queue   []byte
	dropped int64 // bytes since the log last took something
	midLine bool  // the last byte queued did not end a line
	ended   bool

	read    chan struct{} // closed when the stream has ended
	written chan struct{} // closed when the log has everything
}

func newOutput(stream string, pipe *os.File, t *tail, sink io.WriteCloser) *output {
	o := &output{
		stream: stream, pipe: pipe, tail: t, sink: sink,
		read: make(chan struct{}), written: make(chan struct{}),
	}
	o.arrived = sync.NewCond(&o.mu)
	go o.drain()
	go o.feed()
	return o
}

// drain reads the pipe to its end.
func (o *output) drain() {
	defer close(o.read)
	buf := make([]byte, outputChunk)
	for {
		n, err := o.pipe.Read(buf)
		if n > 0 {
			o.tail.write(o.stream, buf[:n])
			o.enqueue(buf[:n])
		}
		if err != nil { // end of file, or the deadline that stop has set
			break
		}
	}
	o.pipe.Close()
	o.mu.Lock()
	o.ended = true
	o.mu.Unlock()
	o.arrived.Signal()
}

func (o *output) enqueue(p []byte) {
	if o.sink == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dropped > 0 { // begin again with a whole line
		skip := bytes.IndexByte(p, '\n') + 1
		if skip == 0 || len(o.queue)+len(p)-skip > outputQueue {
			skip = len(p)
		}
		o.dropped += int64(skip)
		if skip == len(p) {
			return
		}
		p = p[skip:]
		o.tellDropped()
	}
	if len(o.queue)+len(p) > outputQueue {
		o.dropped += int64(len(p))
		return
	}
	o.queue = append(o.queue, p...)
	o.midLine = p[len(p)-1] != '\n'
	o.arrived.Signal()
}

// tellDropped accounts for what was dropped at the place where it is missing.
func (o *output) tellDropped() {
	if o.midLine {
		o.queue = append(o.queue, '\n')
		o.midLine = false
	}
	if counter, ok := o.sink.(runtime.DropCounter); ok {
		counter.Dropped(o.dropped)
	} else {
		o.queue = fmt.Appendf(o.queue, "[%d bytes dropped: the log could not keep up]\n", o.dropped)
	}
	o.dropped = 0
}

// feed writes to the log what is queued, all at once.
func (o *output) feed() {
	defer close(o.written)
	if o.sink == nil {
		<-o.read
		return
	}
	defer o.sink.Close()
	var batch []byte
	for {
		o.mu.Lock()
		for len(o.queue) == 0 && !o.ended {
			o.arrived.Wait()
		}
		if o.ended && o.dropped > 0 {
			o.tellDropped()
		}
		batch, o.queue = o.queue, batch[:0]
		if cap(o.queue) > 4*outputChunk { // a burst is over: give its memory back
			o.queue = nil
		}
		ended := o.ended
		o.mu.Unlock()
		if len(batch) > 0 {
			_, _ = o.sink.Write(batch) // a log that fails must not stop the workload
		}
		if ended && len(batch) == 0 {
			return
		}
	}
}

// stop ends reading although a process that got away may still hold the pipe.
func (o *output) stop() { _ = o.pipe.SetReadDeadline(time.Unix(1, 0)) }
