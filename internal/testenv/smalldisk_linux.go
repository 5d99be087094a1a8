package testenv

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"testing"
)

// smallDisk names the folder for the test that runs inside.
const smallDisk = "STOA_TEST_SMALL_DISK"

// SmallDisk runs the test again in a mount namespace of its own, on a file system
// of so much ("512k", as tmpfs takes it), which ends with that process. Inside it
// gives the folder and true; outside it gives false once the test has passed
// inside, and the test is over.
func SmallDisk(t *testing.T, size string) (dir string, inside bool) {
	t.Helper()
	if dir = os.Getenv(smallDisk); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
			t.Fatal("mount refused: ", err)
		}
		return dir, true
	}
	const capSysAdmin = 21 // to mount
	uid, gid := servant()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), smallDisk+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: gid, HostID: os.Getgid(), Size: 1}},
		AmbientCaps: []uintptr{capSysAdmin},
		Pdeathsig:   syscall.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || bytes.Contains(out, []byte("mount refused")) {
		Missing(t, "user namespaces are switched off on this machine: "+err.Error())
	}
	if err == nil && bytes.Contains(out, []byte("--- SKIP")) {
		t.Skipf("%s", out)
	}
	if err != nil || !bytes.Contains(out, []byte("--- PASS")) {
		t.Fatalf("%v\n%s", err, out)
	}
	return "", false
}

// servant is whom root runs as inside: PostgreSQL does not run as root.
func servant() (uid, gid int) {
	if os.Getuid() != 0 {
		return os.Getuid(), os.Getgid()
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid
}
