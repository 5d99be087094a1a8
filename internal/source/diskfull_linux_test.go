package source

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// TestStoreOnAFullDisk runs itself again in a mount namespace of its own, on a
// file system of 512 KB, which ends with the process.
func TestStoreOnAFullDisk(t *testing.T) {
	const marker = "STOA_TEST_FULL_DISK"
	dir := os.Getenv(marker)
	if dir == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), marker+"="+t.TempDir())
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
			Pdeathsig:   syscall.SIGKILL,
		}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || bytes.Contains(out, []byte("mount refused")) {
			testenv.Missing(t, "user namespaces are switched off on this machine: "+err.Error())
		}
		if err != nil || !bytes.Contains(out, []byte("--- PASS")) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Fatal("mount refused: ", err)
	}
	big := make([]byte, 1<<20)
	_, _ = rand.Read(big)
	snapshot, archive := snapshotOf(t, map[string]string{"a": "small", "z": string(big)})
	store, err := NewStore(filepath.Join(dir, "sources"))
	must(t, err)
	err = store.Put(t.Context(), snapshot.Digest, bytes.NewReader(archive))
	if !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "no space left on the disk of "+dir) {
		t.Errorf("err = %v", err)
	}
	if left := names(t, filepath.Join(dir, "sources")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	fits, archive := snapshotOf(t, map[string]string{"a": "small"})
	must(t, store.Put(t.Context(), fits.Digest, bytes.NewReader(archive)))
}
