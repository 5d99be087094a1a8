// Package tree copies and removes folders with all that is in them.
package tree

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Copy copies a folder: files with their mode, which programs demand of keys, and
// their time, by which caches of compiled code know them, and links, of which those
// that name the folder itself name the copy. Its owner may write all of it. Sockets
// and pipes are left out: whoever uses one makes it. It copies rather than links,
// because whoever has the copy may write into the files that it finds; where the
// file system shares blocks the kernel does so.
func Copy(ctx context.Context, from, to string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		switch {
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			if inside, ok := strings.CutPrefix(link, from); ok && (inside == "" || inside[0] == filepath.Separator) {
				link = filepath.Join(to, inside)
			}
			return os.Symlink(link, target)
		case entry.Type().IsRegular():
			group.Go(func() error { return copyFile(path, target) })
			return nil
		}
		return nil
	})
	return errors.Join(err, group.Wait())
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	mode := info.Mode().Perm() | 0o600
	if mode&0o111 != 0 {
		// A child that is forked while the file is open for writing has it open too
		// until it executes something, and what is open for writing cannot be executed.
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close(), os.Chtimes(to, time.Time{}, info.ModTime()))
}

// Remove is os.RemoveAll also for trees with folders that were made
// read-only, as package managers do.
func Remove(path string) error {
	if err := os.RemoveAll(path); err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() {
			_ = os.Chmod(name, 0o700) // RemoveAll tells whether it helped
		}
		return nil
	})
	return os.RemoveAll(path)
}
