// Package stat has the formulas that measures stand on. It knows nothing of
// Stoa: numbers in, numbers out.
package stat

// Interval holds the true value with 95 % confidence.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}
