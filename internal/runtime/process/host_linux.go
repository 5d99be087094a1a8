package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// sysProcAttr gives the child a session of its own, so that its signals and
// its terminal are not ours, and lets the kernel kill it when we die.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// stat is what is used of /proc/<pid>/stat.
type stat struct {
	state          byte
	group, session int
	started        string // clock ticks since boot
}

func readStat(pid string) (stat, error) {
	data, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return stat{}, err
	}
	// The name stands in parentheses and may contain anything.
	_, rest, ok := bytes.Cut(data[max(bytes.LastIndexByte(data, ')'), 0):], []byte(") "))
	fields := strings.Fields(string(rest))
	if !ok || len(fields) < 20 {
		return stat{}, fmt.Errorf("unexpected /proc/%s/stat", pid)
	}
	group, _ := strconv.Atoi(fields[2])
	session, _ := strconv.Atoi(fields[3])
	return stat{state: fields[0][0], group: group, session: session, started: fields[19]}, nil
}

var bootID = sync.OnceValue(func() string {
	data, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(data))
})

// startedAt identifies the process that has the number now; empty if none has.
func startedAt(pid int) string {
	s, err := readStat(strconv.Itoa(pid))
	if err != nil || s.state == 'Z' || s.state == 'X' {
		return ""
	}
	return bootID() + "/" + s.started
}

// members lists the living processes of the group or session.
func members(group int) []int {
	return processes(func(_ string, s stat) bool { return s.group == group || s.session == group })
}

// remains lists the living processes of the groups or sessions, and every
// other, wherever it has gone, that still carries the mark of one of the
// instances in the environment it was started with.
func remains(groups map[int]bool, instances map[string]bool) []int {
	mark := []byte("\x00" + instanceVariable + "=")
	return processes(func(pid string, s stat) bool {
		if groups[s.group] || groups[s.session] {
			return true
		}
		environ, _ := os.ReadFile("/proc/" + pid + "/environ")
		_, value, ok := bytes.Cut(append([]byte{0}, environ...), mark)
		value, _, _ = bytes.Cut(value, []byte{0})
		return ok && instances[string(value)]
	})
}

func processes(match func(pid string, s stat) bool) []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var found []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if s, err := readStat(name); err == nil && s.state != 'Z' && s.state != 'X' && match(name, s) {
			found = append(found, pid)
		}
	}
	return found
}

// command is the command line of a process, for a person; empty if unknown.
func command(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(printable(bytes.ReplaceAll(data, []byte{0}, []byte{' '})))
}
