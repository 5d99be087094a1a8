package build

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// processGroup makes the child leader of a new group, to be killed should
// Stoa die before it.
func processGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killMarked kills the processes whose environment carries the mark of one
// build: daemons that left its process group, or what is left of a build whose
// Stoa was killed. It looks again until none is found, as they may fork.
func killMarked(mark string) {
	if mark == "" {
		return
	}
	entry := []byte("\x00" + markVariable + "=" + mark + "\x00")
	for range 10 {
		found := false
		environs, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, path := range environs {
			data, err := os.ReadFile(path)
			if err != nil || !bytes.Contains(append([]byte{0}, data...), entry) {
				continue
			}
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err == nil && pid != os.Getpid() && syscall.Kill(pid, syscall.SIGKILL) == nil {
				found = true
			}
		}
		if !found {
			return
		}
	}
}
