package event

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/stoa-platform/stoa/internal/event/gaps"
	"github.com/stoa-platform/stoa/internal/event/merkle"
	"github.com/stoa-platform/stoa/internal/problem"
)

// VerifyOptions say what a verifier knows besides the export.
type VerifyOptions struct {
	// PublicKey is the platform's key as it was learnt elsewhere. "" takes the
	// export's word for it.
	PublicKey string
	// Pinned is a signed checkpoint that was kept elsewhere; "" for none.
	Pinned string
}

// maxSeq bounds what an export may claim, far beyond any ledger and far below
// what overflows.
const maxSeq = 1 << 48

// maxLine bounds a line of an export: an event with its payload, escaped.
const maxLine = 16 << 20

// Verify reads an export, needing nothing else, and reports everything that is
// changed, missing, duplicated, reordered, truncated or forked, with its place.
// Memory does not grow with the events. The error is problem.Invalid for what
// is no export or for wrong options, else one of r.
func Verify(r io.Reader, o VerifyOptions) (Report, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	if magic, _ := in.Peek(4); bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		dec, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
		if err != nil {
			return Report{}, fmt.Errorf("read export: %w", err)
		}
		defer dec.Close()
		in = bufio.NewReaderSize(dec, 1<<16)
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<16), maxLine)
	if !lines.Scan() {
		return Report{}, notExport(lines.Err())
	}
	var first exportLine
	if err := strictLine(lines.Bytes(), &first); err != nil || first.Ledger == nil {
		return Report{}, notExport(err)
	}
	v, err := newVerifier(*first.Ledger, o)
	if err != nil {
		return Report{}, err
	}
	for lines.Scan() {
		var l exportLine
		if err := strictLine(lines.Bytes(), &l); err != nil {
			v.report.find(FaultFormat, v.rows.Size, v.rows.Size, "the line after this event cannot be read: %v", err)
			continue
		}
		v.line(l)
	}
	if err := lines.Err(); err != nil {
		if !damagedInput(err) {
			return v.report, fmt.Errorf("read export: %w", err)
		}
		v.report.find(FaultFormat, v.rows.Size, v.rows.Size, "the export cannot be read beyond this event: %v", err)
	}
	v.finish()
	return v.report, nil
}

// damagedInput tells a damaged export from a reader that failed.
func damagedInput(err error) bool {
	for _, e := range []error{bufio.ErrTooLong, io.ErrUnexpectedEOF, zstd.ErrCRCMismatch, zstd.ErrMagicMismatch, zstd.ErrDecoderSizeExceeded,
		zstd.ErrWindowSizeExceeded, zstd.ErrReservedBlockType, zstd.ErrCompressedSizeTooBig, zstd.ErrBlockTooSmall} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func notExport(err error) error {
	p := problem.New(problem.Invalid, "this is no export of a ledger").Do("make one: stoa audit export ledger.jsonl")
	return p.Cause(err)
}

func strictLine(raw []byte, into *exportLine) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}

// verifier walks over an export once.
type verifier struct {
	report Report
	header ExportHeader
	pinned Checkpoint

	rows  *merkle.Frontier // the tree over the events as they are
	nodes *merkle.Frontier // the tree over the leaves that the tiles hold
	tile  []tlog.Hash
	// doubted are the events since the last checkpoint whose leaf is not the tile's.
	doubted []doubt
	// lost says that neither tree is what was signed: no later checkpoint can agree.
	lost bool

	gaps    gaps.Gaps
	last    Checkpoint // the last good one
	upper   map[[2]int64][]byte
	erasure erasures
	sources map[string]SourceBinding
	bound   map[string]SourceBinding
	seen    Totals
	end     *Totals
}

// doubt is an event whose hash, as it is, is not the one that its tile holds.
type doubt struct {
	seq          int64
	leaf, sealed tlog.Hash
}

func newVerifier(h ExportHeader, o VerifyOptions) (*verifier, error) {
	if h.Version != exportVersion {
		return nil, problem.New(problem.Invalid, "the export has format %d, this stoa reads %d", h.Version, exportVersion)
	}
	if h.Head < 0 || h.Head > maxSeq || h.Sealed < 0 || h.Sealed > maxSeq {
		return nil, notExport(fmt.Errorf("head %d, sealed %d", h.Head, h.Sealed))
	}
	v := &verifier{header: h, rows: &merkle.Frontier{}, nodes: &merkle.Frontier{}, upper: map[[2]int64][]byte{},
		sources: map[string]SourceBinding{}, bound: map[string]SourceBinding{}}
	v.report = Report{Origin: h.Origin, PublicKey: h.Key, Findings: []Finding{}}
	if o.PublicKey != "" {
		v.report.PublicKey, v.report.KeyGiven = o.PublicKey, true
		if h.Key != o.PublicKey {
			v.report.find(FaultSignature, 0, 0, "the export names another key than the one given: %s", h.Key)
		}
	}
	if o.Pinned != "" {
		var err error
		if v.pinned, err = ParseCheckpoint(o.Pinned, v.report.PublicKey); err != nil {
			return nil, problem.New(problem.Invalid, "the pinned checkpoint cannot be used: %w", err)
		}
	}
	return v, nil
}

func (v *verifier) line(l exportLine) {
	if v.end != nil {
		v.report.find(FaultFormat, 0, 0, "something follows the end of the export")
		return
	}
	switch {
	case l.Event != nil:
		v.event(l.Event)
	case l.Tile != nil:
		v.storedTile(l.Tile)
	case l.Checkpoint != nil:
		v.checkpoint(l.Checkpoint)
	case l.Source != nil:
		v.seen.Sources++
		v.sources[l.Source.Source] = *l.Source
	case l.End != nil:
		v.end = l.End
	default:
		v.report.find(FaultFormat, v.rows.Size, v.rows.Size, "the line after this event says nothing, or the header again")
	}
}

// advance adds one leaf to both trees; node is nil where no tile holds one.
func (v *verifier) advance(leaf tlog.Hash) {
	node := leaf
	seq := v.rows.Size + 1
	if (seq-1)%merkle.TileWidth == 0 && seq <= v.header.Sealed && v.tile == nil && !v.lost {
		v.report.find(FaultMissing, seq, min(seq+merkle.TileWidth-1, v.header.Sealed), "the tile over these events is not in the export")
	}
	if at := int((seq - 1) % merkle.TileWidth); seq <= v.header.Sealed && at < len(v.tile) {
		if node = v.tile[at]; node != leaf {
			v.doubted = append(v.doubted, doubt{seq, leaf, node})
		}
	}
	v.rows.Add(leaf, nil)
	v.nodes.Add(node, func(level int, n int64, hashes []tlog.Hash) {
		if level > 0 {
			v.upper[[2]int64{int64(level), n}] = merkle.Data(hashes)
		}
	})
	if seq%merkle.TileWidth == 0 {
		v.tile = nil
	}
	if seq == v.pinned.Size {
		v.checkPinned()
	}
}

// node gives the leaf that the tiles hold for the next event, to go on with
// where the event itself is missing.
func (v *verifier) node() tlog.Hash {
	if at := int(v.rows.Size % merkle.TileWidth); at < len(v.tile) {
		return v.tile[at]
	}
	return tlog.Hash{}
}
