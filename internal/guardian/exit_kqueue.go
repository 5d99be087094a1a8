//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package guardian

import (
	"errors"

	"golang.org/x/sys/unix"
)

// AwaitExit returns when the child has ended, and leaves it a zombie: until
// it is waited for, its number cannot become another process.
func AwaitExit(pid int) {
	queue, err := unix.Kqueue()
	if err != nil {
		return // Wait, which is next, waits as well
	}
	defer unix.Close(queue)
	var change unix.Kevent_t
	unix.SetKevent(&change, pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT)
	change.Fflags = unix.NOTE_EXIT
	for events := make([]unix.Kevent_t, 1); ; {
		if _, err := unix.Kevent(queue, []unix.Kevent_t{change}, events, nil); !errors.Is(err, unix.EINTR) {
			return // it has ended, now or (ESRCH) before
		}
	}
}
