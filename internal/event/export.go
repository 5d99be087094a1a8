package event

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/stoa-platform/stoa/internal/event/merkle"
)

// The export of a ledger is a stream of JSON objects, one a line, each with one
// member that says what it is:
//
//	{"ledger":     {...}}  first: version of the format, origin, key, sizes
//	{"tile":       {...}}  a tile; those of level 0 stand before their events
//	{"event":      {...}}  an event as its tables hold it, in the order of seq
//	{"checkpoint": {...}}  after the last event that it covers
//	{"source":     {...}}  who may speak for a source
//	{"end":        {...}}  last: how many rows the tables have
//
// It holds all that a verifier needs, and nothing of the table of names. It may
// be compressed with zstd.
type exportLine struct {
	Ledger     *ExportHeader  `json:"ledger,omitempty"`
	Tile       *merkle.Tile   `json:"tile,omitempty"`
	Event      *Row           `json:"event,omitempty"`
	Checkpoint *CheckpointRow `json:"checkpoint,omitempty"`
	Source     *SourceBinding `json:"source,omitempty"`
	End        *Totals        `json:"end,omitempty"`
}

// exportVersion is the version of the export's format.
const exportVersion = 1

// ExportHeader begins an export.
type ExportHeader struct {
	Version  int       `json:"version"`
	Origin   string    `json:"origin"`
	Key      string    `json:"key"`    // the public key, for who has no better source of it
	Head     int64     `json:"head"`   // the last sequence given
	Sealed   int64     `json:"sealed"` // the size of the latest checkpoint
	Exported time.Time `json:"exported"`
}

// Row is an event as the tables hold it.
type Row struct {
	Seq         int64  `json:"seq"`
	Envelope    string `json:"envelope"`              // the bytes that were hashed, JSON
	PayloadHash []byte `json:"payloadHash,omitempty"` // SHA-256 over salt and payload; absent without payload
	// Salt and Payload are absent when the payload was erased.
	Salt    []byte  `json:"salt,omitempty"`
	Payload *string `json:"payload,omitempty"`
	// Key is the sequence that the table of keys holds for source and id; 0 for none.
	Key int64 `json:"key"`
	// Columns repeat parts of the envelope for queries.
	Columns RowColumns `json:"columns"`
}

// RowColumns are the columns of an event by which it is found. Times are
// microseconds since 1970.
type RowColumns struct {
	Time        int64  `json:"time"`
	Received    int64  `json:"received"`
	Type        string `json:"type"`
	Source      string `json:"source"`
	Subject     string `json:"subject,omitempty"`
	Actor       string `json:"actor,omitempty"`
	Team        string `json:"team,omitempty"`
	Service     string `json:"service,omitempty"`
	Capability  string `json:"capability,omitempty"`
	Environment string `json:"environment,omitempty"`
}

// CheckpointRow is a row of the table of checkpoints.
type CheckpointRow struct {
	Size     int64  `json:"size"`
	Previous int64  `json:"previous"`
	Note     string `json:"note"`
}

// Totals are the numbers of rows in the ledger's tables, and what its head says.
type Totals struct {
	Head        int64 `json:"head"`  // the head's last sequence
	Dims        int64 `json:"dims"`  // the head's last number of a name
	Names       int64 `json:"names"` // rows of the table of names
	Events      int64 `json:"events"`
	Payloads    int64 `json:"payloads"`
	Keys        int64 `json:"keys"`
	Tiles       int64 `json:"tiles"`
	Checkpoints int64 `json:"checkpoints"`
	Sources     int64 `json:"sources"`
}

// Snapshot is one consistent view of the ledger's tables.
type Snapshot interface {
	Totals(ctx context.Context) (Totals, error)
	// Rows gives up to limit events after a sequence, ascending.
	Rows(ctx context.Context, after int64, limit int) ([]Row, error)
	Tiles(ctx context.Context, want []merkle.Tile) ([]merkle.Tile, error)
	// Checkpoints gives up to limit checkpoints after a size, ascending.
	Checkpoints(ctx context.Context, after int64, limit int) ([]CheckpointRow, error)
	Sources(ctx context.Context) ([]SourceBinding, error)
}

// exportPage is the number of rows read at once.
const exportPage = 1000

// Export writes the whole ledger. Seal first, so that no event is unsigned.
func Export(ctx context.Context, snap Snapshot, key Key, now time.Time, w io.Writer) error {
	e := &exporter{snap: snap, out: bufio.NewWriterSize(w, 1<<16)}
	if err := e.run(ctx, key, now); err != nil {
		return fmt.Errorf("export ledger: %w", err)
	}
	return nil
}

type exporter struct {
	snap   Snapshot
	out    *bufio.Writer
	ahead  []CheckpointRow // read and not written yet
	after  int64           // the last checkpoint that was read
	sealed int64
	tiles  int64 // the level-0 tiles written
}

func (e *exporter) line(l exportLine) error {
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = e.out.Write(append(raw, '\n'))
	return err
}

func (e *exporter) run(ctx context.Context, key Key, now time.Time) error {
	totals, err := e.snap.Totals(ctx)
	if err != nil {
		return err
	}
	if e.sealed, err = e.lastSealed(ctx); err != nil {
		return err
	}
	header := ExportHeader{Version: exportVersion, Origin: key.Name, Key: key.Public, Head: totals.Head, Sealed: e.sealed, Exported: now.UTC()}
	if err := e.line(exportLine{Ledger: &header}); err != nil {
		return err
	}
	for after := int64(0); ; {
		rows, err := e.snap.Rows(ctx, after, exportPage)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for i := range rows {
			after = rows[i].Seq
			if err := e.row(ctx, &rows[i]); err != nil {
				return err
			}
		}
	}
	if err := e.checkpoints(ctx, 1<<62); err != nil {
		return err
	}
	if err := e.upperTiles(ctx); err != nil {
		return err
	}
	sources, err := e.snap.Sources(ctx)
	if err != nil {
		return err
	}
	for i := range sources {
		if err := e.line(exportLine{Source: &sources[i]}); err != nil {
			return err
		}
	}
	if err := e.line(exportLine{End: &totals}); err != nil {
		return err
	}
	return e.out.Flush()
}

func (e *exporter) lastSealed(ctx context.Context) (int64, error) {
	size := int64(0)
	for {
		page, err := e.snap.Checkpoints(ctx, size, exportPage)
		if err != nil || len(page) == 0 {
			return size, err
		}
		size = page[len(page)-1].Size
	}
}

func (e *exporter) row(ctx context.Context, row *Row) error {
	if err := e.checkpoints(ctx, row.Seq-1); err != nil {
		return err
	}
	for e.tiles*merkle.TileWidth < min(row.Seq, e.sealed) {
		if err := e.tile(ctx, 0, e.tiles); err != nil {
			return err
		}
		e.tiles++
	}
	return e.line(exportLine{Event: row})
}

// checkpoints writes those up to a size.
func (e *exporter) checkpoints(ctx context.Context, size int64) error {
	for {
		if len(e.ahead) == 0 {
			if e.after >= e.sealed {
				return nil
			}
			var err error
			if e.ahead, err = e.snap.Checkpoints(ctx, e.after, exportPage); err != nil {
				return err
			}
			if len(e.ahead) == 0 {
				return nil
			}
			e.after = e.ahead[len(e.ahead)-1].Size
		}
		if e.ahead[0].Size > size {
			return nil
		}
		if err := e.line(exportLine{Checkpoint: &e.ahead[0]}); err != nil {
			return err
		}
		e.ahead = e.ahead[1:]
	}
}

// upperTiles writes the tiles above level 0.
func (e *exporter) upperTiles(ctx context.Context) error {
	for level := 1; e.sealed>>(merkle.TileHeight*level) > 0; level++ {
		for n := int64(0); merkle.WidthAt(level, n, e.sealed) > 0; n++ {
			if err := e.tile(ctx, level, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *exporter) tile(ctx context.Context, level int, n int64) error {
	found, err := e.snap.Tiles(ctx, []merkle.Tile{{Level: level, N: n}})
	if err != nil || len(found) == 0 {
		return err // the verifier tells of a tile that is missing
	}
	return e.line(exportLine{Tile: &found[0]})
}
