// Package merkle is the Merkle tree of RFC 6962 in tiles, which grows without being
// read again and proves what it holds.
package merkle

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A tile holds the hashes of up to 256 neighbouring nodes of the Merkle tree:
// level 0 those of the leaves, level L those of whole tiles of level L-1.
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
)

// Tile is one stored tile; Data holds its hashes one after the other. A tile
// that is not full yet only ever grows at its end.
type Tile struct {
	Level int    `json:"level"`
	N     int64  `json:"n"`
	Data  []byte `json:"data"`
}

// WidthAt says how many hashes tile n of a level holds in a tree of size leaves.
func WidthAt(level int, n, size int64) int {
	nodes := size >> (TileHeight * level)
	return int(max(0, min(TileWidth, nodes-n*TileWidth)))
}

// Frontier is the right edge of a growing tree: on each level the hashes of the
// tile that is not full yet. It needs 256 hashes a level, however large the tree.
type Frontier struct {
	Size   int64
	levels [][]tlog.Hash
}

// Add appends one leaf's hash and hands each tile that it fills to full.
func (f *Frontier) Add(h tlog.Hash, full func(level int, n int64, hashes []tlog.Hash)) {
	f.Size++
	for level := 0; ; level++ {
		if level == len(f.levels) {
			f.levels = append(f.levels, make([]tlog.Hash, 0, TileWidth))
		}
		f.levels[level] = append(f.levels[level], h)
		if len(f.levels[level]) < TileWidth {
			return
		}
		if full != nil {
			full(level, f.Size>>(TileHeight*(level+1))-1, f.levels[level])
		}
		h = subtreeHash(f.levels[level])
		f.levels[level] = f.levels[level][:0]
	}
}

// Root is the tree's hash as RFC 6962 defines it.
func (f *Frontier) Root() tlog.Hash {
	var root tlog.Hash
	have := false
	for _, hashes := range f.levels {
		for bit := 1; bit < TileWidth; bit <<= 1 {
			if len(hashes)&bit == 0 {
				continue
			}
			rest := len(hashes) &^ (2*bit - 1)
			h := subtreeHash(hashes[rest : rest+bit])
			if have {
				h = tlog.NodeHash(h, root)
			}
			root, have = h, true
		}
	}
	return root
}

// Clone gives a copy that grows on its own.
func (f *Frontier) Clone() *Frontier {
	c := &Frontier{Size: f.Size, levels: make([][]tlog.Hash, len(f.levels))}
	for i := range f.levels {
		c.levels[i] = append(make([]tlog.Hash, 0, TileWidth), f.levels[i]...)
	}
	return c
}

// Begun gives the hashes, perhaps none, of the tile of a level that is not full
// yet; ok is false for a level that the tree does not reach.
func (f *Frontier) Begun(level int) (hashes []tlog.Hash, ok bool) {
	if level >= len(f.levels) {
		return nil, false
	}
	return f.levels[level], true
}

// Partial gives the tiles that are begun and not full.
func (f *Frontier) Partial() []Tile {
	var tiles []Tile
	for level, hashes := range f.levels {
		if len(hashes) > 0 {
			tiles = append(tiles, Tile{Level: level, N: f.Size >> (TileHeight * (level + 1)), Data: Data(hashes)})
		}
	}
	return tiles
}

// subtreeHash is the hash of a perfect subtree; len(hashes) is a power of two.
func subtreeHash(hashes []tlog.Hash) tlog.Hash {
	var buf [TileWidth]tlog.Hash
	level := buf[:copy(buf[:], hashes)]
	for len(level) > 1 {
		for i := 0; i < len(level); i += 2 {
			level[i/2] = tlog.NodeHash(level[i], level[i+1])
		}
		level = level[:len(level)/2]
	}
	return level[0]
}

// Data writes hashes as a tile keeps them.
func Data(hashes []tlog.Hash) []byte {
	data := make([]byte, 0, len(hashes)*tlog.HashSize)
	for i := range hashes {
		data = append(data, hashes[i][:]...)
	}
	return data
}

// Hashes reads what Data wrote.
func Hashes(data []byte) []tlog.Hash {
	hashes := make([]tlog.Hash, len(data)/tlog.HashSize)
	for i := range hashes {
		copy(hashes[i][:], data[i*tlog.HashSize:])
	}
	return hashes
}

// Store reads stored tiles.
type Store interface {
	// Tiles gives the stored tiles of those named by level and number; what is
	// not stored is left out.
	Tiles(ctx context.Context, want []Tile) ([]Tile, error)
}

// Load reads the right edge of the tree of the given size.
func Load(ctx context.Context, store Store, size int64) (*Frontier, error) {
	var want []Tile
	for level := 0; size>>(TileHeight*level) > 0; level++ {
		want = append(want, Tile{Level: level, N: size >> (TileHeight * (level + 1))})
	}
	stored, err := store.Tiles(ctx, want)
	if err != nil {
		return nil, fmt.Errorf("read tiles: %w", err)
	}
	f := &Frontier{Size: size, levels: make([][]tlog.Hash, len(want))}
	for level, w := range want {
		f.levels[level] = make([]tlog.Hash, 0, TileWidth)
		width := WidthAt(level, w.N, size)
		if width == 0 {
			continue
		}
		data, err := findTile(stored, w, width)
		if err != nil {
			return nil, err
		}
		f.levels[level] = append(f.levels[level], Hashes(data)...)
	}
	return f, nil
}

func findTile(stored []Tile, want Tile, width int) ([]byte, error) {
	for _, t := range stored {
		if t.Level == want.Level && t.N == want.N {
			if len(t.Data) < width*tlog.HashSize {
				return nil, fmt.Errorf("tile %d/%d holds %d bytes, the tree needs %d", t.Level, t.N, len(t.Data), width*tlog.HashSize)
			}
			return t.Data[:width*tlog.HashSize], nil
		}
	}
	return nil, fmt.Errorf("tile %d/%d is missing", want.Level, want.N)
}

// Reader lets tlog read the hashes of proofs from stored tiles.
func Reader(ctx context.Context, store Store) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		want := make([]Tile, 0, len(indexes))
		seen := map[[2]int64]bool{}
		for _, index := range indexes {
			t := tlog.TileForIndex(TileHeight, index)
			if at := [2]int64{int64(t.L), t.N}; !seen[at] {
				seen[at] = true
				want = append(want, Tile{Level: t.L, N: t.N})
			}
		}
		stored, err := store.Tiles(ctx, want)
		if err != nil {
			return nil, fmt.Errorf("read tiles: %w", err)
		}
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			t := tlog.TileForIndex(TileHeight, index)
			data, err := findTile(stored, Tile{Level: t.L, N: t.N}, t.W)
			if err != nil {
				return nil, err
			}
			if hashes[i], err = tlog.HashFromTile(t, data, index); err != nil {
				return nil, fmt.Errorf("read hash %d from tile %d/%d: %w", index, t.L, t.N, err)
			}
		}
		return hashes, nil
	})
}
