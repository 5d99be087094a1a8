package client

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// Measure says what a measure is.
type Measure struct {
	Name     string `json:"name"` // for ever, such as "lead-time"
	Title    string `json:"title"`
	Question string `json:"question"` // what a person wants to know who looks at it
	Formula  string `json:"formula"`  // in words how the value comes about, and what is left out
	// Unit is ratio (0 to 1), count, seconds, per-day, per-week, per-month (30
	// days), per-100 (for a hundred people in 30 days), per-run, score (-100 to
	// 100) or money (minor units of a currency, in 30 days).
	Unit    string   `json:"unit"`
	Better  string   `json:"better"`  // "higher", "lower" or "neither"
	Version int      `json:"version"` // grows when the same events give another value
	Cuts    []string `json:"cuts"`    // the dimensions that it can be cut by and filtered on
	// Waits says which data has to come before there is a value; empty if none has.
	Waits string `json:"waits,omitempty"`
}

// Interval holds the true value with 95 % confidence: its low and its high end,
// nil where the data do not bound it.
type Interval [2]*float64

// Point is the value of a group of a measure in a time, days as "2026-11-01",
// half-open.
type Point struct {
	Group string `json:"group,omitempty"` // empty for the whole
	From  string `json:"from"`
	To    string `json:"to"`
	Estimate
}

// Estimate is a value with what it rests on.
type Estimate struct {
	Value    *float64           `json:"value"`              // nil where there is no data, never 0 for want of it
	N        int64              `json:"n"`                  // on how many observations it rests
	Interval *Interval          `json:"interval,omitempty"` // nil where none is known
	Note     string             `json:"note,omitempty"`     // what a reader must know
	Parts    map[string]float64 `json:"parts,omitempty"`    // the numbers that the value was made of, by name
	Own      int64              `json:"own,omitempty"`      // how many more observations there are of teams that run the platform
}

// Answer is what a measure says.
type Answer struct {
	Measure
	Target *Target  `json:"target,omitempty"` // of the balanced scorecard, nil where it has none
	Points []Point  `json:"points"`
	Apart  []string `json:"apart,omitempty"`  // the teams that run the platform, where they are left out
	Before []Point  `json:"before,omitempty"` // of the same time before, when asked to compare
	// Evidence is the address below the API that gives the events behind the points.
	Evidence string `json:"evidence"`
}

// Target is what a value shall be.
type Target struct {
	Op       string   `json:"op"`                 // ">", ">=", "<" or "<="
	Value    float64  `json:"value"`              // in the measure's unit, or a share if Relative
	AtMost   *float64 `json:"atMost,omitempty"`   // the upper end, where a target has two
	Relative bool     `json:"relative,omitempty"` // held against the same time before: -0.3 is 30 % less than then
}

// ScorecardRow is a measure held against its target.
type ScorecardRow struct {
	Measure   string    `json:"measure"`
	Title     string    `json:"title"`
	Value     *float64  `json:"value"`
	Unit      string    `json:"unit"`
	N         int64     `json:"n"`
	Interval  *Interval `json:"interval"`
	Target    *Target   `json:"target"`
	Direction string    `json:"direction"`
	Status    string    `json:"status"` // "good", "bad", "unsure" where the data do not tell, "no-data" or "shown"
	Note      string    `json:"note,omitempty"`
	Own       int64     `json:"own,omitempty"` // how many more observations there are of teams that run the platform
	Before    *float64  `json:"before"`        // the value of the same time before; nil where there is no data, or not of the whole time
	Change    *float64  `json:"change"`        // since then
	Moved     bool      `json:"moved"`         // the change is more than chance: the intervals do not touch
	Version   int       `json:"version"`
	Evidence  string    `json:"evidence"` // the address below the API that gives the events
}

// Scorecard is a computed scorecard.
type Scorecard struct {
	Name  string         `json:"name"`
	Title string         `json:"title"`
	From  string         `json:"from"`
	To    string         `json:"to"`
	Apart []string       `json:"apart,omitempty"` // the teams that run the platform, where they are left out
	Rows  []ScorecardRow `json:"rows"`
}

// Measures lists what is measured.
func (c *Client) Measures(ctx context.Context) ([]Measure, error) {
	var out struct {
		Items []Measure `json:"items"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/measures", nil, nil, &out)
	return out.Items, err
}

// MeasureNamed gives the name of the measure that has a name or a title. Only what
// cannot be a name is looked for among the titles; what is none of them comes back.
func (c *Client) MeasureNamed(ctx context.Context, said string) (string, error) {
	if !strings.ContainsFunc(said, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsUpper(r) }) {
		return said, nil
	}
	all, err := c.Measures(ctx)
	for _, m := range all {
		if strings.EqualFold(m.Title, strings.TrimSpace(said)) {
			return m.Name, nil
		}
	}
	return said, err
}

// Measure asks for a measure. The query is that of the API: from, to, days, by,
// step, compare, and the dimensions to keep.
func (c *Client) Measure(ctx context.Context, name string, q url.Values) (Answer, error) {
	var out Answer
	err := c.do(ctx, http.MethodGet, "/api/v1/measures/"+url.PathEscape(name), q, nil, &out)
	return out, err
}

// Evidence gives the events behind a measure and the after of the next page.
func (c *Client) Evidence(ctx context.Context, name string, q url.Values, after string, limit int) ([]Event, string, error) {
	page := url.Values{"limit": {strconv.Itoa(limit)}}
	for k, v := range q {
		page[k] = v
	}
	if after != "" {
		page.Set("after", after)
	}
	var out struct {
		Items []Event `json:"items"`
		Next  string  `json:"next"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/measures/"+url.PathEscape(name)+"/evidence", page, nil, &out)
	return out.Items, out.Next, err
}

// Scorecard computes a scorecard; "" is the balanced one.
func (c *Client) Scorecard(ctx context.Context, name string, q url.Values) (Scorecard, error) {
	asked := url.Values{}
	maps.Copy(asked, q)
	if name != "" {
		asked.Set("name", name)
	}
	var out Scorecard
	err := c.do(ctx, http.MethodGet, "/api/v1/scorecard", asked, nil, &out)
	return out, err
}

// Journey is what the people of a persona do on the platform, and what those of
// them come to who are new. A number of people is nil where it is too small to
// be shown.
type Journey struct {
	Persona   string `json:"persona"` // "developer", "data", "qa", "operations", "visitor", or "all" of them
	People    *int   `json:"people"`
	Newcomers *int   `json:"newcomers"`
	Left      *int   `json:"left"` // newcomers who were not seen for 30 days
	Stops     []Stop `json:"stops"`
	Ends      []End  `json:"ends"`
}

// End is after what newcomers left, who add up to Left; one of several capabilities
// where those of one alone would be too few to be shown.
type End struct {
	After  []string `json:"after"`
	Others bool     `json:"others"` // after others too, that few came to
	People int      `json:"people"`
}

// Stop is a capability that newcomers come to.
type Stop struct {
	Capability string   `json:"capability"`
	Reached    *int     `json:"reached"` // newcomers who used it; nil for all but fewer than 5
	Share      Estimate `json:"share"`
	Days       Estimate `json:"days"` // from their first day on
}

// Journeys gives the journeys of everybody and of each persona, over a time and narrowed by
// team, segment or wave, as Measure takes them.
func (c *Client) Journeys(ctx context.Context, query url.Values) ([]Journey, error) {
	var out struct {
		Items []Journey `json:"items"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/journeys", query, nil, &out)
	return out.Items, err
}

// Contrast is a measure on the golden path and off it, a correlation: teams chose
// the path themselves.
type Contrast struct {
	Measure string   `json:"measure"`
	On      Estimate `json:"on"`
	Off     Estimate `json:"off"`
	// Difference is on less off, matched by segment; nil where no segment has both.
	Difference *float64  `json:"difference"`
	Interval   *Interval `json:"interval,omitempty"`
	Clear      bool      `json:"clear"` // the interval leaves out 0
	Segments   []string  `json:"segments"`
	LeftOut    []string  `json:"leftOut,omitempty"` // segments with data on one side only, or too little for an interval
	Caution    string    `json:"caution"`
	Note       string    `json:"note,omitempty"` // what was left out, or what it waits for
}

// Contrasts compares deployments and tickets on the golden path with those off it.
func (c *Client) Contrasts(ctx context.Context, query url.Values) ([]Contrast, error) {
	var out struct {
		Items []Contrast `json:"items"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/contrasts", query, nil, &out)
	return out.Items, err
}
