//go:build unix && !linux

package build

import "syscall"

// processGroup makes the child leader of a new group.
func processGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killMarked needs Linux' view of other processes; elsewhere a build's process
// group is all that is killed.
func killMarked(string) {}
