//go:build unix

package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// errBusy says that somebody else holds a lock.
var errBusy = errors.New("locked")

// lock is held by a file, so that it also counts between processes and ends
// with the process that holds it.
type lock struct{ file *os.File }

// tryLock takes the lock or fails with errBusy.
func tryLock(path string) (lock, error) {
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return lock{}, err
		}
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			file.Close()
			if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
				return lock{}, errBusy
			}
			return lock{}, fmt.Errorf("lock %s: %w", path, err)
		}
		// The holder before may have removed the file after it was opened here.
		held, err := file.Stat()
		if err != nil {
			file.Close()
			return lock{}, err
		}
		if named, err := os.Stat(path); err == nil && os.SameFile(held, named) {
			return lock{file}, nil
		}
		file.Close()
	}
}

// waitLock takes the lock when it is free.
func waitLock(ctx context.Context, path string) (lock, error) {
	wait := time.NewTicker(20 * time.Millisecond)
	defer wait.Stop()
	for {
		held, err := tryLock(path)
		if !errors.Is(err, errBusy) {
			return held, err
		}
		select {
		case <-ctx.Done():
			return lock{}, context.Cause(ctx)
		case <-wait.C:
		}
	}
}

// release gives the lock back and removes its file.
func (l lock) release() {
	_ = os.Remove(l.file.Name()) // a file left over is only taken again
	_ = l.file.Close()
}
