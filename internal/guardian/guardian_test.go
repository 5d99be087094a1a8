//go:build unix

package guardian

import (
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestGuardianScript runs the script in every shell of this machine: the group
// that is listed dies, the one that was taken off lives.
func TestGuardianScript(t *testing.T) {
	for _, shell := range [][]string{{"sh"}, {"dash"}, {"bash", "--posix"}, {"busybox", "sh"}, {"ksh"}, {"zsh"}} {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		t.Run(shell[0], func(t *testing.T) {
			sleeper := func() *exec.Cmd {
				cmd := exec.CommandContext(t.Context(), "sleep", "600")
				cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				return cmd
			}
			listed, taken, other := sleeper(), sleeper(), sleeper()
			guardian := exec.CommandContext(t.Context(), shell[0], append(shell[1:], "-c", script)...)
			guardian.Stdin = strings.NewReader(fmt.Sprintf("+%[1]d\n+%[2]d\n+%[3]d\n-%[1]d\n-%[3]d\n-77\n",
				taken.Process.Pid, listed.Process.Pid, other.Process.Pid))
			if out, err := guardian.CombinedOutput(); len(out) > 0 {
				t.Errorf("%v: %s", err, out)
			}
			if err := listed.Wait(); err == nil || err.Error() != "signal: killed" {
				t.Errorf("listed group: %v", err)
			}
			for _, cmd := range []*exec.Cmd{taken, other} {
				if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
					t.Errorf("group that was taken off: %v", err)
				}
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}
		})
	}
}

// TestGuardianComesBack kills the guardian itself.
func TestGuardianComesBack(t *testing.T) {
	g := New(slog.New(slog.DiscardHandler), "sleepers")
	sleeper := exec.CommandContext(t.Context(), "sleep", "600")
	sleeper.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	g.Add(sleeper.Process.Pid)
	g.pipe.Close() // as good as dead: the next write fails
	g.Add(1 << 30) // nobody has this number
	g.Remove(1 << 30)
	g.Close()
	if err := sleeper.Wait(); err == nil {
		t.Error("the group was forgotten")
	}
}
