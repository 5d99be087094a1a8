package build

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncTree brings a folder with all that is in it to the disk: one flush of
// its file system, since a folder of dependencies has tens of thousands of files.
func syncTree(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}
