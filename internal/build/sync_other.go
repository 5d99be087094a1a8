//go:build unix && !linux

package build

import "golang.org/x/sys/unix"

// syncTree brings a folder with all that is in it to the disk.
func syncTree(string) error { return unix.Sync() }
