package process

import (
	"context"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sysProcAttr gives the child a session of its own, so that its signals and
// its terminal are not ours. There is no parent-death signal here: the
// guardian kills.
func sysProcAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// startedAt identifies the process that has the number now; empty if none has.
func startedAt(pid int) string {
	return run("ps", "-o", "lstart=", "-p", strconv.Itoa(pid))
}

// members lists the living processes of the group.
func members(group int) []int { return remains(map[int]bool{group: true}, nil) }

// remains lists the living processes of the groups. The mark of an instance
// is not looked for: the environment of others cannot be read here.
func remains(groups map[int]bool, _ map[string]bool) []int {
	var pids []int
	for _, line := range strings.Split(run("ps", "-A", "-o", "pid=,pgid=,stat="), "\n") {
		fields := strings.Fields(line)
		if len(fields) != 3 || strings.HasPrefix(fields[2], "Z") {
			continue
		}
		pid, err := strconv.Atoi(fields[0])
		group, groupErr := strconv.Atoi(fields[1])
		if err == nil && groupErr == nil && groups[group] {
			pids = append(pids, pid)
		}
	}
	return pids
}

// command is the command line of a process, for a person; empty if unknown.
func command(pid int) string {
	return printable([]byte(run("ps", "-o", "command=", "-p", strconv.Itoa(pid))))
}

// watch sees which TCP sockets a process group listens on, by lsof, which is
// slow: it is asked rarely.
type watch struct {
	group int
	asked time.Time
	found []netip.AddrPort
}

func newWatch() *watch { return &watch{} }

// poll returns the addresses that the group listened on at the last look.
func (w *watch) poll() ([]netip.AddrPort, error) {
	if len(w.found) > 0 || time.Since(w.asked) > 100*time.Millisecond {
		w.found = parseLsof(run("lsof", "-nP", "-a", "-g", strconv.Itoa(w.group), "-iTCP", "-sTCP:LISTEN", "-Fn"))
		w.asked = time.Now()
	}
	return w.found, nil
}

// owner finds who listens on the port: pid 0 if it cannot be seen who it is.
func owner(port int) (pid int, taken bool) {
	out := run("lsof", "-nP", "-iTCP:"+strconv.Itoa(port), "-sTCP:LISTEN", "-Fp")
	for _, line := range strings.Split(out, "\n") {
		if number, ok := strings.CutPrefix(line, "p"); ok {
			if pid, err := strconv.Atoi(number); err == nil {
				return pid, true
			}
		}
	}
	return 0, false
}

// parseLsof reads the names of lsof -Fn: "n*:8080", "n127.0.0.1:80", "n[::1]:80".
func parseLsof(out string) []netip.AddrPort {
	var found []netip.AddrPort
	for _, line := range strings.Split(out, "\n") {
		name, ok := strings.CutPrefix(line, "n")
		if !ok {
			continue
		}
		if port, any := strings.CutPrefix(name, "*:"); any {
			name = "[::]:" + port
		}
		if addr, err := netip.ParseAddrPort(name); err == nil {
			found = append(found, addr)
		}
	}
	return found
}

func run(name string, args ...string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, name, args...).Output()
	return strings.TrimSpace(string(out))
}
