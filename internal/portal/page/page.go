// Package page holds the portal's pages: components that are given all they show
// and look nothing up.
package page

import (
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Frame is what is around the content of every page.
type Frame struct {
	Title  string
	Active string // the entry of the menu: "home", "services", "teams", "me", or one of platformPages
	User   *User  // nil when nobody is signed in
	Theme  string // "light", "dark" or "" for what the system prefers
	Here   string // path and query, to come back to
	// Notice says that what was asked for has been done.
	Notice string
	// Problem is why what was asked for has not been done.
	Problem *problem.Problem
	Now     time.Time
	Asset   func(name string) string
	Version string
	Request string // id, to find the request in the logs
	// Simulated says that the platform holds data of an organisation that does not exist.
	Simulated bool
	// Shortfalls say why the numbers of the page are not of all that happened.
	Shortfalls []string
}

// User is who is signed in.
type User struct {
	Name  string // "admin"
	Role  string // in words
	Teams []string
}

// platformPages are the pages for the platform team, as its menu lists them.
var platformPages = []struct{ name, href, icon, label string }{
	{"overview", "/overview", "presentation", "Overview"},
	{"scorecard", "/scorecard", "target-arrow", "Scorecard"},
	{"adoption", "/adoption", "trending-up", "Adoption"},
	{"delivery", "/delivery", "git-merge", "Delivery"},
	{"journeys", "/journeys", "map-2", "Journeys"},
	{"audit", "/audit", "shield-check", "Audit"},
}

func (f Frame) inPlatformMenu() bool {
	for _, p := range platformPages {
		if p.name == f.Active {
			return true
		}
	}
	return false
}

// Level is the only thing that has a colour.
type Level string

// The levels.
const (
	Good    Level = "good"
	Warn    Level = "warn"
	Bad     Level = "bad"
	Busy    Level = "busy"    // under way
	Unknown Level = "unknown" // off, or nothing is known
)

// State is a level with its word; it is never shown without it.
type State struct {
	Level Level
	Word  string
}

// icon of a level, so that it can be told without colours.
func (l Level) icon() string {
	switch l {
	case Good:
		return "circle-check"
	case Warn:
		return "alert-triangle"
	case Bad:
		return "circle-x"
	case Busy:
		return "loader-2"
	default:
		return "circle-dashed"
	}
}

// Command is what shows or does the same on the command line.
type Command struct{ Text, Says string }

// Tab is one of the pages of a thing.
type Tab struct {
	Name, Label, Href string
	Active            bool
}

// Choice is one of several ways to look at a page.
type Choice struct {
	Label, Href string
	Active      bool
	State       State // optional
}

// Option is one of a select.
type Option struct {
	Value, Label string
	Selected     bool
}

// Pager leads through a list by its keys.
type Pager struct {
	First, Next string // addresses; "" where there is none
	Shown       int
	Noun        string
}

// fieldProblem is what is wrong with a field of a form, "" when nothing is. The
// fields of problems are paths; a form's field answers for those that end in its name.
func fieldProblem(p *problem.Problem, names ...string) string {
	if p == nil {
		return ""
	}
	for _, f := range p.Fields {
		for _, name := range names {
			if f.Path == name || len(f.Path) > len(name) && f.Path[len(f.Path)-len(name)-1:] == "."+name {
				return f.Message
			}
		}
	}
	return ""
}

func themeNext(theme string) string {
	if theme == "dark" {
		return "light"
	}
	return "dark"
}
