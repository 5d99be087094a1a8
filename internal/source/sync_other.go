//go:build !linux

package source

import (
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// syncTree brings a folder with all that is in it to the disk.
func syncTree(dir string) error {
	var group errgroup.Group
	group.SetLimit(16) // the file system joins flushes that wait together
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type()&fs.ModeSymlink == 0 {
			group.Go(func() error { return syncPath(path) })
		}
		return err
	})
	return errors.Join(err, group.Wait())
}
