package store

import (
	"context"
	"fmt"
	"sync"
)

// nameBlock is how many names are read and kept together: those that came into
// the ledger at one time are mostly used at one time.
const nameBlock = 512

// dimNamesByID keeps names behind the ledger's numbers, which are given without
// gaps and never change. It keeps nameCacheSize of them at most, and starts anew
// when those are too many.
type dimNamesByID struct {
	mu     sync.Mutex
	blocks map[int64][]string // by number / nameBlock, each as far as there were names
	most   int                // blocks; 0 is nameCacheSize / nameBlock
}

// of gives the name of a number; 0 is no name.
func (d *dimNamesByID) of(ctx context.Context, s *Store, id int64) (string, error) {
	if id == 0 {
		return "", nil
	}
	if id < 0 {
		return "", fmt.Errorf("the ledger is damaged: there is no name %d", id)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	block := d.blocks[id/nameBlock]
	if id%nameBlock >= int64(len(block)) {
		var err error
		if block, err = readNames(ctx, s, id/nameBlock*nameBlock); err != nil {
			return "", err
		}
		if id%nameBlock >= int64(len(block)) {
			return "", fmt.Errorf("the ledger is damaged: there is no name %d", id)
		}
		most := d.most
		if most == 0 {
			most = nameCacheSize / nameBlock
		}
		if _, grown := d.blocks[id/nameBlock]; d.blocks == nil || !grown && len(d.blocks) >= most {
			d.blocks = map[int64][]string{}
		}
		d.blocks[id/nameBlock] = block
	}
	return block[id%nameBlock], nil
}

// readNames reads the names of a block from its first number on; that of 0 is "".
func readNames(ctx context.Context, s *Store, first int64) ([]string, error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT id, name FROM dim WHERE id >= $1 AND id < $2 ORDER BY id", first, first+nameBlock)
	if err != nil {
		return nil, s.translate(err)
	}
	defer rows.Close()
	var names []string
	if first == 0 {
		names = append(names, "")
	}
	for rows.Next() {
		var at int64
		var name string
		if err := rows.Scan(&at, &name); err != nil {
			return nil, s.translate(err)
		}
		if next := first + int64(len(names)); at != next {
			return nil, fmt.Errorf("the ledger is damaged: name %d is missing (the next one is %d)", next, at)
		}
		names = append(names, name)
	}
	return names, s.translate(rows.Err())
}
