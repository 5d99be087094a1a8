package guardian

import (
	"errors"

	"golang.org/x/sys/unix"
)

// AwaitExit returns when the child has ended, and leaves it a zombie: until
// it is waited for, its number cannot become another process.
func AwaitExit(pid int) {
	for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
}
