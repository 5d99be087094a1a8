// Package simulate makes an organisation that lives on a platform: teams come
// along an adoption curve, people work in their time zones, services are
// released, fail and are mended, questions are asked. It is a client of the
// API like any other, and says so in every event.
//
// The same Options give the same events, byte for byte. While it makes them it
// keeps books of what it decided, and derives from those, never from events
// and never by the code that measures, what a measure of them should say: the
// Truth. docs/simulate.md tells what is simulated and with which parameters.
package simulate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Options say which organisation to make and for how long it lives.
type Options struct {
	Teams  int
	Months int
	Seed   uint64
	// End is the midnight, UTC, at which the simulated time ends. The zero value
	// is the first day of this month.
	End time.Time
	// Activity multiplies how much each person uses the platform; 0 is 1.
	Activity float64
}

// Limits of an organisation.
const (
	maxTeams    = 5000
	maxMonths   = 60
	maxActivity = 50
)

// WithDefaults fills in what is not set and returns problem.Invalid for what
// cannot be simulated.
func (o Options) WithDefaults(now time.Time) (Options, error) {
	now = now.UTC()
	if o.End.IsZero() {
		o.End = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	if o.Activity == 0 {
		o.Activity = 1
	}
	switch o.End = o.End.UTC(); {
	case o.Teams < 1 || o.Teams > maxTeams:
		return o, problem.New(problem.Invalid, "%d teams cannot be simulated: at least 1 and at most %d", o.Teams, maxTeams)
	case o.Months < 1 || o.Months > maxMonths:
		return o, problem.New(problem.Invalid, "%d months cannot be simulated: at least 1 and at most %d", o.Months, maxMonths)
	case !(o.Activity >= 0.01 && o.Activity <= maxActivity):
		return o, problem.New(problem.Invalid, "activity %g cannot be simulated: at least 0.01 and at most %d", o.Activity, maxActivity)
	case !o.End.Equal(o.End.Truncate(24 * time.Hour)):
		return o, problem.New(problem.Invalid, "the end %s is no midnight of UTC", o.End.Format(time.RFC3339))
	case o.End.After(now):
		return o, problem.New(problem.Invalid, "the end %s lies in the future: no platform takes events from there", o.End.Format(time.DateOnly)).
			Do("--end " + now.Format(time.DateOnly) + "    is the latest")
	case o.End.Year() < 1972+maxMonths/12:
		return o, problem.New(problem.Invalid, "the end %s lies too far in the past", o.End.Format(time.DateOnly))
	}
	return o, nil
}

// start is the first midnight of the simulated time.
func (o Options) start() time.Time { return o.End.AddDate(0, -o.Months, 0) }

// identity is a digest of all that decides what is simulated: events and
// objects of different organisations never share an id.
func (o Options) identity() [32]byte {
	text, err := json.Marshal(struct {
		Options Options
		Model   Model
	}{o, DefaultModel()})
	if err != nil {
		panic(fmt.Sprintf("simulate: options cannot be encoded: %v", err)) // numbers and a time always can
	}
	return sha256.Sum256(text)
}

// Name is a short name of the organisation that the options make.
func (o Options) Name() string {
	id := o.identity()
	return hex.EncodeToString(id[:6])
}

// ms is a time in milliseconds since 1970, or a span of time in milliseconds.
type ms int64

const (
	second ms = 1000
	minute    = 60 * second
	hour      = 60 * minute
	day       = 24 * hour
	// never is later than everything.
	never ms = 1 << 60
)

func at(t time.Time) ms { return ms(t.UnixMilli()) }

func (t ms) time() time.Time { return time.UnixMilli(int64(t)).UTC() }

func hours(h float64) ms { return ms(h * float64(hour)) }
