package logs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// segment is one file of a journal. Its name tells what is in it, so that a
// query opens only what it needs:
//
//	<first>.log                        plain, from entry <first> on
//	<first>-<last>-<from>-<to>.zst     compressed; from and to in Unix nanoseconds
type segment struct {
	first, last uint64    // sequence of its entries; last < first is empty
	from, to    time.Time // of its oldest and newest entry
	path        string
	bytes       int64 // on disk
	plain       bool
	size        int64 // of the whole records, if plain
	removed     bool
}

func plainName(first uint64) string { return fmt.Sprintf("%016d.log", first) }

func (s *segment) compressedName() string {
	return fmt.Sprintf("%016d-%016d-%d-%d.zst", s.first, s.last, s.from.UnixNano(), s.to.UnixNano())
}

// add counts a record that was appended.
func (s *segment) add(at time.Time, seq uint64) {
	if s.last < s.first || at.Before(s.from) {
		s.from = at
	}
	if at.After(s.to) {
		s.to = at
	}
	s.last = seq
}

// overlaps tells whether an entry of the segment may be in [since, until);
// zero times are open.
func (s *segment) overlaps(since, until time.Time) bool {
	return s.last >= s.first && (since.IsZero() || !s.to.Before(since)) && (until.IsZero() || s.from.Before(until))
}

// readSegments lists what is in the directory, oldest first. Plain segments
// are read to learn what is in them. What a crash left half made is removed.
func readSegments(dir string) ([]*segment, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []*segment
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasSuffix(e.Name(), ".tmp") {
			_ = os.Remove(path)
			continue
		}
		s, ok := parseName(e.Name())
		if !ok || e.IsDir() {
			continue
		}
		s.path = path
		if info, err := e.Info(); err == nil {
			s.bytes = info.Size()
		}
		out = append(out, s)
	}
	// A crash between the rename of the compressed file and the removal of
	// the plain one leaves both; the compressed one is whole.
	slices.SortFunc(out, func(a, b *segment) int {
		switch {
		case a.first != b.first:
			return compare(a.first, b.first)
		case a.plain == b.plain:
			return compare(a.last, b.last)
		case a.plain:
			return 1
		}
		return -1
	})
	kept := out[:0]
	for i, s := range out {
		if i > 0 && s.first == out[i-1].first && s.plain {
			_ = os.Remove(s.path)
			continue
		}
		if s.plain {
			if err := s.scan(); err != nil {
				return nil, err
			}
		}
		kept = append(kept, s)
	}
	return kept, nil
}

func compare(a, b uint64) int {
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}

// parseName reads a segment from its file's name.
func parseName(name string) (*segment, bool) {
	if first, ok := strings.CutSuffix(name, ".log"); ok {
		n, err := strconv.ParseUint(first, 10, 64)
		return &segment{first: n, last: n - 1, plain: true}, err == nil && n > 0
	}
	base, ok := strings.CutSuffix(name, ".zst")
	parts := strings.Split(base, "-")
	if !ok || len(parts) != 4 {
		return nil, false
	}
	first, err1 := strconv.ParseUint(parts[0], 10, 64)
	last, err2 := strconv.ParseUint(parts[1], 10, 64)
	from, err3 := strconv.ParseInt(parts[2], 10, 64)
	to, err4 := strconv.ParseInt(parts[3], 10, 64)
	if errors.Join(err1, err2, err3, err4) != nil || first == 0 || last < first {
		return nil, false
	}
	return &segment{first: first, last: last, from: time.Unix(0, from).UTC(), to: time.Unix(0, to).UTC()}, true
}

// scan reads a plain segment to learn its last entry, times and whole size.
func (s *segment) scan() error {
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	d := newDecoder(f)
	for {
		r, err := d.next()
		if err == io.EOF {
			s.size = d.offset
			return nil
		}
		if err != nil {
			return fmt.Errorf("read segment %s: %w", s.path, err)
		}
		s.add(r.at, r.seq)
	}
}

// open returns the records of the segment as plain text.
func (s *segment) open() (io.ReadCloser, error) {
	f, err := os.Open(s.path)
	if err != nil || s.plain {
		return f, err
	}
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(32<<20))
	if err != nil {
		f.Close()
		return nil, err
	}
	return compressedReader{z, f}, nil
}

type compressedReader struct {
	*zstd.Decoder
	f *os.File
}

func (r compressedReader) Close() error {
	r.Decoder.Close()
	return r.f.Close()
}

// compress writes the plain segment's records to a compressed file beside it,
// complete and on disk before it gets its name. It returns the new file's path
// and size; the plain file is left.
func (s *segment) compress() (path string, bytes int64, err error) {
	in, err := os.Open(s.path)
	if err != nil {
		return "", 0, err
	}
	defer in.Close()
	path = filepath.Join(filepath.Dir(s.path), s.compressedName())
	out, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return "", 0, err
	}
	defer func() {
		if err != nil {
			out.Close()
			os.Remove(path + ".tmp")
		}
	}()
	z, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return "", 0, err
	}
	if _, err = io.Copy(z, io.LimitReader(in, s.size)); err != nil {
		return "", 0, err
	}
	if err = z.Close(); err != nil {
		return "", 0, err
	}
	if err = out.Sync(); err != nil {
		return "", 0, err
	}
	info, err := out.Stat()
	if err != nil {
		return "", 0, err
	}
	if err = out.Close(); err != nil {
		return "", 0, err
	}
	if err = os.Rename(path+".tmp", path); err != nil {
		return "", 0, err
	}
	if d, err := os.Open(filepath.Dir(path)); err == nil {
		_ = d.Sync() // the rename; without it the plain file would still be there
		d.Close()
	}
	return path, info.Size(), nil
}
