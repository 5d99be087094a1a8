package event

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A tile holds the hashes of up to 256 neighbouring nodes of the Merkle tree:
// level 0 those of the leaves, level L those of whole tiles of level L-1.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// Tile is one stored tile; Data holds its hashes one after the other. A tile
// that is not full yet only ever grows at its end.
type Tile struct {
	Level int    `json:"level"`
	N     int64  `json:"n"`
	Data  []byte `json:"data"`
}

// tileWidthAt says how many hashes tile n of a level holds in a tree of size leaves.
func tileWidthAt(level int, n, size int64) int {
	nodes := size >> (tileHeight * level)
	return int(max(0, min(tileWidth, nodes-n*tileWidth)))
}

// frontier is the right edge of a growing tree: on each level the hashes of the
// tile that is not full yet. It needs 256 hashes a level, however large the tree.
type frontier struct {
	size   int64
	levels [][]tlog.Hash
}

// add appends one leaf's hash and hands each tile that it fills to full.
func (f *frontier) add(h tlog.Hash, full func(level int, n int64, hashes []tlog.Hash)) {
	f.size++
	for level := 0; ; level++ {
		if level == len(f.levels) {
			f.levels = append(f.levels, make([]tlog.Hash, 0, tileWidth))
		}
		f.levels[level] = append(f.levels[level], h)
		if len(f.levels[level]) < tileWidth {
			return
		}
		if full != nil {
			full(level, f.size>>(tileHeight*(level+1))-1, f.levels[level])
		}
		h = subtreeHash(f.levels[level])
		f.levels[level] = f.levels[level][:0]
	}
}

// root is the tree's hash as RFC 6962 defines it.
func (f *frontier) root() tlog.Hash {
	var root tlog.Hash
	have := false
	for _, hashes := range f.levels {
		for bit := 1; bit < tileWidth; bit <<= 1 {
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

// clone gives a copy that grows on its own.
func (f *frontier) clone() *frontier {
	c := &frontier{size: f.size, levels: make([][]tlog.Hash, len(f.levels))}
	for i := range f.levels {
		c.levels[i] = append(make([]tlog.Hash, 0, tileWidth), f.levels[i]...)
	}
	return c
}

// partial gives the tiles that are begun and not full.
func (f *frontier) partial() []Tile {
	var tiles []Tile
	for level, hashes := range f.levels {
		if len(hashes) > 0 {
			tiles = append(tiles, Tile{Level: level, N: f.size >> (tileHeight * (level + 1)), Data: tileData(hashes)})
		}
	}
	return tiles
}

// subtreeHash is the hash of a perfect subtree; len(hashes) is a power of two.
func subtreeHash(hashes []tlog.Hash) tlog.Hash {
	var buf [tileWidth]tlog.Hash
	level := buf[:copy(buf[:], hashes)]
	for len(level) > 1 {
		for i := 0; i < len(level); i += 2 {
			level[i/2] = tlog.NodeHash(level[i], level[i+1])
		}
		level = level[:len(level)/2]
	}
	return level[0]
}

func tileData(hashes []tlog.Hash) []byte {
	data := make([]byte, 0, len(hashes)*tlog.HashSize)
	for i := range hashes {
		data = append(data, hashes[i][:]...)
	}
	return data
}

func tileHashes(data []byte) []tlog.Hash {
	hashes := make([]tlog.Hash, len(data)/tlog.HashSize)
	for i := range hashes {
		copy(hashes[i][:], data[i*tlog.HashSize:])
	}
	return hashes
}

// tileStore reads stored tiles.
type tileStore interface {
	// Tiles gives the stored tiles of those named by level and number; what is
	// not stored is left out.
	Tiles(ctx context.Context, want []Tile) ([]Tile, error)
}

// loadFrontier reads the right edge of the tree of the given size.
func loadFrontier(ctx context.Context, store tileStore, size int64) (*frontier, error) {
	var want []Tile
	for level := 0; size>>(tileHeight*level) > 0; level++ {
		want = append(want, Tile{Level: level, N: size >> (tileHeight * (level + 1))})
	}
	stored, err := store.Tiles(ctx, want)
	if err != nil {
		return nil, fmt.Errorf("read tiles: %w", err)
	}
	f := &frontier{size: size, levels: make([][]tlog.Hash, len(want))}
	for level, w := range want {
		f.levels[level] = make([]tlog.Hash, 0, tileWidth)
		width := tileWidthAt(level, w.N, size)
		if width == 0 {
			continue
		}
		data, err := findTile(stored, w, width)
		if err != nil {
			return nil, err
		}
		f.levels[level] = append(f.levels[level], tileHashes(data)...)
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

// hashReader lets tlog read the hashes of proofs from stored tiles.
func hashReader(ctx context.Context, store tileStore) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		want := make([]Tile, 0, len(indexes))
		seen := map[[2]int64]bool{}
		for _, index := range indexes {
			t := tlog.TileForIndex(tileHeight, index)
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
			t := tlog.TileForIndex(tileHeight, index)
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
