package build

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stoa-platform/stoa/internal/testenv"
)

// TestBuildOnAFullDisk runs itself again in a mount namespace of its own, on a
// file system of 1 MB, which ends with the process.
func TestBuildOnAFullDisk(t *testing.T) {
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
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal("mount refused: ", err)
	}
	b, err := NewBuilder(Options{Dir: filepath.Join(dir, "builds")})
	must(t, err)
	for name, req := range map[string]Request{
		"the copy of the source": request(t, map[string]string{"big": strings.Repeat("x", 2<<20)}, shellPlan("true")),
		"a tool":                 request(t, map[string]string{"a": ""}, shellPlan("head -c 3000000 /dev/zero > big")),
	} {
		_, err := b.Build(t.Context(), req, io.Discard)
		var failed *Error
		if !errors.As(err, &failed) || failed.Cause != "disk-full" || len(failed.Next) == 0 {
			t.Errorf("%s: err = %v", name, err)
		}
		isEmpty(t, b)
	}
	_, err = b.Build(t.Context(), request(t, map[string]string{"a": ""}, shellPlan("echo fits > b")), io.Discard)
	must(t, err)
}
