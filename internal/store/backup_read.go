package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"

	"github.com/klauspost/compress/zstd"

	"github.com/stoa-platform/stoa/internal/problem"
)

// maxBackupLine bounds what one row may take; the largest, a document of 1 MiB,
// stays below even with every byte escaped.
const maxBackupLine = 16 << 20

// VerifyBackup reads a whole backup and checks that nothing of it is missing,
// changed or more than was written.
func VerifyBackup(ctx context.Context, from io.Reader) (Manifest, error) {
	return readBackup(ctx, from, backupReader{
		start: func(Manifest) error { return nil },
		table: func(tableLine) error { return nil },
		row:   func([]byte) error { return nil },
	})
}

// backupReader is told what is in a backup as it comes. Nothing of it is proven
// before readBackup has returned.
type backupReader struct {
	start func(Manifest) error
	table func(tableLine) error
	row   func(line []byte) error // valid until the next
}

func damagedBackup(format string, args ...any) *problem.Problem {
	return problem.New(problem.Invalid, "this backup cannot be used: "+format, args...).Do("take another backup")
}

// readBackup reads a backup and verifies it.
func readBackup(ctx context.Context, from io.Reader, to backupReader) (Manifest, error) {
	unpacker, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
	if err != nil {
		return Manifest{}, fmt.Errorf("read backup: %w", err)
	}
	defer unpacker.Close()
	lines := &lineReader{r: bufio.NewReaderSize(unpacker, 1<<16)}

	first, err := lines.next()
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return Manifest{}, damagedBackup("it is cut off within its first line").Cause(err)
	case errors.Is(err, io.EOF):
		return Manifest{}, damagedBackup("it is empty").Cause(err)
	case err != nil:
		return Manifest{}, damagedBackup("it does not begin like one").Cause(err)
	}
	var m Manifest
	if err := json.Unmarshal(first, &m); err != nil || m.Format != backupFormat {
		return Manifest{}, damagedBackup("it does not begin like one")
	}
	if m.Version != backupVersion {
		return Manifest{}, damagedBackup("it has format %d, this stoa reads %d", m.Version, backupVersion).Do("use the stoa that made it")
	}
	if err := to.start(m); err != nil {
		return Manifest{}, err
	}
	all := sha256.New()
	all.Write(first)
	m.Tables = map[string]TableDigest{}
	current := openTable{}
	for n := 2; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return Manifest{}, ctx.Err()
		}
		line, err := lines.next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return Manifest{}, damagedBackup("it is cut off: it ends in line %d, before its last", n)
		}
		if err != nil {
			return Manifest{}, damagedBackup("line %d cannot be read", n).Because(err.Error())
		}
		switch {
		case line[0] == '[':
			if current.sum == nil {
				return Manifest{}, damagedBackup("line %d is a row of no table", n)
			}
			current.sum.Write(line)
			current.rows++
			err = to.row(line)
		case bytes.HasPrefix(line, []byte(`{"table":`)):
			current.into(m.Tables)
			var t tableLine
			if json.Unmarshal(line, &t) != nil || m.Tables[t.Table].SHA256 != "" {
				return Manifest{}, damagedBackup("line %d begins no table", n)
			}
			current = openTable{name: t.Table, sum: sha256.New()}
			err = to.table(t)
		default:
			current.into(m.Tables)
			return m, lines.end(line, n, m, all)
		}
		if err != nil {
			return Manifest{}, err
		}
		all.Write(line)
	}
}

// openTable counts and sums the rows of the table that is being read.
type openTable struct {
	name string
	rows int64
	sum  hash.Hash
}

func (t openTable) into(tables map[string]TableDigest) {
	if t.sum != nil {
		tables[t.name] = TableDigest{t.rows, hex.EncodeToString(t.sum.Sum(nil))}
	}
}

type lineReader struct {
	r    *bufio.Reader
	line []byte
}

// next gives the next line with its end, valid until the one after.
func (l *lineReader) next() ([]byte, error) {
	l.line = l.line[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		l.line = append(l.line, part...)
		switch {
		case err == nil:
			return l.line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err // io.ErrUnexpectedEOF of a stream that is cut off
		case len(l.line) > maxBackupLine:
			return nil, fmt.Errorf("over %d bytes long", maxBackupLine)
		}
	}
}

// end compares what was read with what the last line says.
func (l *lineReader) end(line []byte, n int, m Manifest, all hash.Hash) error {
	var end endLine
	if err := json.Unmarshal(line, &end); err != nil || end.SHA256 == "" {
		return damagedBackup("line %d is neither row, table nor end", n)
	}
	for name, want := range end.End {
		if got := m.Tables[name]; got != want {
			return damagedBackup("table %s has %d rows of %d, or other ones", name, got.Rows, want.Rows)
		}
	}
	if end.SHA256 != hex.EncodeToString(all.Sum(nil)) || !maps.Equal(end.End, m.Tables) {
		return damagedBackup("it was changed")
	}
	if _, err := l.next(); !errors.Is(err, io.EOF) {
		return damagedBackup("more follows its end")
	}
	return nil
}
