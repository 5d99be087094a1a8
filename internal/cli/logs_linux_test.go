package cli

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stoa-platform/stoa/client"
)

// What a service logs cannot steer the terminal of who reads it; a pipe gets it as
// it was printed.
func TestLogLine(t *testing.T) {
	e := client.LogEntry{Stream: "stdout", Line: "GET / \x1b]52;c;cm0gLXJm\x07\x1b[32mcurl\x1b[2J"}
	c, out, _ := plain()
	if err := c.logLine(e, false); err != nil || !strings.HasSuffix(out.String(), " "+e.Line+"\n") {
		t.Errorf("a pipe gets %q, %v", out, err)
	}
	shown, screen := pseudoTerminal(t)
	c.Out = screen
	if err := c.logLine(e, false); err != nil {
		t.Fatal(err)
	}
	got, err := bufio.NewReader(shown).ReadString('\n')
	if err != nil || !strings.HasSuffix(strings.TrimSpace(got), " GET / \x1b[32mcurl\x1b[0m") || strings.Count(got, "\x1b") != 2 {
		t.Errorf("a terminal gets %q, %v", got, err)
	}
}

// pseudoTerminal gives a terminal and what is shown on it.
func pseudoTerminal(t *testing.T) (shown, screen *os.File) {
	t.Helper()
	shown, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shown.Close() })
	if err := unix.IoctlSetPointerInt(int(shown.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(shown.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	return shown, screen
}
