package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// Measure says what a measure is.
type Measure struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Question string   `json:"question"`
	Formula  string   `json:"formula"`
	Unit     string   `json:"unit"`
	Better   string   `json:"better"` // "higher", "lower" or "neither"
	Version  int      `json:"version"`
	Cuts     []string `json:"cuts"`
	// Waits says which data has to come before there is a value.
	Waits string `json:"waits,omitempty"`
}

// Interval holds the true value with 95 % confidence: its low and its high end,
// nil where the data do not bound it.
type Interval [2]*float64

// Point is the value of a group of a measure in a time, days as "2026-11-01",
// half-open. Value is nil where there is no data.
type Point struct {
	Group    string             `json:"group,omitempty"`
	From     string             `json:"from"`
	To       string             `json:"to"`
	Value    *float64           `json:"value"`
	N        int64              `json:"n"`
	Interval *Interval          `json:"interval,omitempty"`
	Note     string             `json:"note,omitempty"`
	Parts    map[string]float64 `json:"parts,omitempty"`
}

// Answer is what a measure says.
type Answer struct {
	Measure
	Points []Point `json:"points"`
	Before []Point `json:"before,omitempty"`
}

// Target is what a value shall be.
type Target struct {
	Op       string  `json:"op"`
	Value    float64 `json:"value"`
	Relative bool    `json:"relative,omitempty"`
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
	Status    string    `json:"status"` // "good", "unsure", "bad", "no-data" or "shown"
	Note      string    `json:"note,omitempty"`
	Before    *float64  `json:"before"`
	Change    *float64  `json:"change"`
	Moved     bool      `json:"moved"`
	Version   int       `json:"version"`
	Evidence  string    `json:"evidence"`
}

// Scorecard is a computed scorecard.
type Scorecard struct {
	Name  string         `json:"name"`
	Title string         `json:"title"`
	From  string         `json:"from"`
	To    string         `json:"to"`
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
	if name != "" {
		q.Set("name", name)
	}
	var out Scorecard
	err := c.do(ctx, http.MethodGet, "/api/v1/scorecard", q, nil, &out)
	return out, err
}
