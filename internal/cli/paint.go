package cli

import "os"

// paint colours text for a terminal; the zero paint leaves it plain.
type paint struct{ on bool }

// paint of stderr and stdout alike: a person who sees one sees the other.
func (c *Command) paint() paint {
	return paint{on: terminal(c.Err) && terminal(c.Out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func (p paint) with(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) bold(s string) string { return p.with("1", s) }
func (p paint) dim(s string) string  { return p.with("2", s) }
func (p paint) good(s string) string { return p.with("32", s) }
func (p paint) warn(s string) string { return p.with("33", s) }
func (p paint) bad(s string) string  { return p.with("31", s) }

// state colours the word of a state or phase.
func (p paint) state(s string) string {
	switch s {
	case "running", "succeeded", "healthy":
		return p.good(s)
	case "degraded", "pending", "releasing", "starting", "restarting":
		return p.warn(s)
	case "failed", "unhealthy", "crash-looping":
		return p.bad(s)
	}
	return s
}
