package app

import (
	"net/http"
	"slices"
	"time"
)

// letGo keeps clients that send or read nothing from holding a connection and
// a handler for ever. What a request carries has to be here within receive, or
// within what its handler sets instead. An answer may take as long as it
// likes, while some of it is taken within each progress: streams and downloads
// have no other end.
type letGo struct {
	receive, progress time.Duration
	next              http.Handler
}

func (l letGo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	if r.ContentLength != 0 { // the server lifts it where all has been read
		_ = control.SetReadDeadline(time.Now().Add(l.receive)) // every connection of ours has deadlines
	}
	watched := &watchedAnswer{ResponseWriter: w, control: control, progress: l.progress}
	watched.extend()       // what was before on this connection may have left its own
	defer watched.extend() // for what the server still holds when the handler is done
	l.next.ServeHTTP(watched, r)
}

// watchedAnswer puts the end of the writing off with each piece.
type watchedAnswer struct {
	http.ResponseWriter
	control  *http.ResponseController
	progress time.Duration
}

// pieceSize is what even a slow client takes within the time of a piece.
const pieceSize = 64 << 10

func (a *watchedAnswer) extend() { _ = a.control.SetWriteDeadline(time.Now().Add(a.progress)) }

// Write passes on piece by piece, since a deadline is that of a whole Write
// below, however much of it has been taken.
func (a *watchedAnswer) Write(data []byte) (int, error) {
	if len(data) == 0 {
		return a.ResponseWriter.Write(data) // sends the header
	}
	written := 0
	for piece := range slices.Chunk(data, pieceSize) {
		a.extend()
		n, err := a.ResponseWriter.Write(piece)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// FlushError is what http.ResponseController flushes by.
func (a *watchedAnswer) FlushError() error {
	a.extend()
	return a.control.Flush()
}

// Unwrap lets http.ResponseController find the rest.
func (a *watchedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
