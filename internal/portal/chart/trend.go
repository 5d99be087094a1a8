package chart

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Trend is a measure over buckets of time that follow each other. What has no
// value is a gap; what is only expected is drawn lighter.
type Trend struct {
	Label   string // what it shows, in words
	Empty   string // said instead when no bucket has a value
	Buckets []Bucket
	Target  *float64
	AtMost  *float64 // the upper end of a target that has two
	// Most is the top of the scale where it has a natural one, such as 1 for a
	// share; 0 takes the next round number.
	Most float64
	// Round gives the top of a scale for the largest value; nil is Round.
	Round func(float64) float64
	// Labels is how many labels the axis has room for; 0 is eight.
	Labels int
	Format func(float64) string
}

// Bucket is one place on the axis.
type Bucket struct {
	Label     string   // on the axis, such as "Nov"
	Year      bool     // a year begins here, and the label says which
	Title     string   // what the pointer finds
	Value     *float64 // nil is no data
	Low, High *float64 // the interval; nil where none is known
	Usual     *float64 // what is usual there; nil where nothing is
	Expected  bool     // a forecast
	Href      string   // the evidence
}

// known reports whether any bucket has a value.
func (t Trend) known() bool {
	for _, b := range t.Buckets {
		if b.Value != nil {
			return true
		}
	}
	return false
}

// scale gives the bottom and the top of the axis; the bottom is 0 unless
// something lies below.
func (t Trend) scale() (bottom, top float64) {
	round := t.Round
	if round == nil {
		round = Round
	}
	var least, most float64
	for _, v := range t.shown() {
		least, most = min(least, v), max(most, v)
	}
	if top = t.Most; top < most || top == 0 {
		top = round(most)
	}
	if most == 0 && least < 0 {
		top = 0
	}
	if least < 0 {
		bottom = -round(-least)
	}
	return bottom, top
}

// shown are all numbers that must lie within the scale. An interval that goes
// far beyond the values is cut off there, else it would flatten the line.
func (t Trend) shown() []float64 {
	var values []float64
	most := 0.0
	for _, b := range t.Buckets {
		if b.Value != nil {
			values, most = append(values, *b.Value), max(most, *b.Value, -*b.Value)
		}
	}
	for _, end := range []*float64{t.Target, t.AtMost} {
		if end != nil {
			values, most = append(values, *end), max(most, *end)
		}
	}
	for _, b := range t.Buckets {
		if b.Usual != nil {
			values, most = append(values, *b.Usual), max(most, *b.Usual)
		}
	}
	for _, b := range t.Buckets {
		if b.Low != nil && b.High != nil {
			values = append(values, max(*b.Low, -2*most), min(*b.High, 2*most))
		}
	}
	return values
}

// x is the middle of a bucket, in the plot's inner coordinates.
func (t Trend) x(i int) float64 { return (float64(i) + 0.5) / float64(len(t.Buckets)) * width }

func (t Trend) y(v float64) float64 {
	bottom, top := t.scale()
	return height - (min(max(v, bottom), top)-bottom)/(top-bottom)*height
}

// runs gives the buckets that have a value and follow each other.
func (t Trend) runs(takes func(Bucket) bool) [][]int {
	var all [][]int
	for i, b := range t.Buckets {
		if !takes(b) {
			continue
		}
		if n := len(all); n == 0 || all[n-1][len(all[n-1])-1] != i-1 {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], i)
	}
	return all
}

// path is the line through the values. The line of what is expected begins at
// the last thing that happened.
func (t Trend) path(expected bool) string {
	var b strings.Builder
	for _, run := range t.runs(func(b Bucket) bool { return b.Value != nil && b.Expected == expected }) {
		if first := run[0]; expected && first > 0 && t.Buckets[first-1].Value != nil {
			run = append([]int{first - 1}, run...)
		}
		for n, i := range run {
			b.WriteString(map[bool]string{true: "M", false: "L"}[n == 0] + coordinate(t.x(i)) + " " + coordinate(t.y(*t.Buckets[i].Value)))
		}
	}
	return b.String()
}

// ends are the buckets that a small line marks: the last one that has a value, and
// those without neighbours, through which no line goes.
func (t Trend) ends() []int {
	var all []int
	runs := t.runs(func(b Bucket) bool { return b.Value != nil })
	for n, run := range runs {
		if len(run) == 1 || n == len(runs)-1 {
			all = append(all, run[len(run)-1])
		}
	}
	return all
}

// usual is the line of what is usual.
func (t Trend) usual() string {
	var b strings.Builder
	for _, run := range t.runs(func(b Bucket) bool { return b.Usual != nil }) {
		for n, i := range run {
			b.WriteString(map[bool]string{true: "M", false: "L"}[n == 0] + coordinate(t.x(i)) + " " + coordinate(t.y(*t.Buckets[i].Usual)))
		}
	}
	return b.String()
}

// band is the area of the intervals.
func (t Trend) band() string {
	var b strings.Builder
	for _, run := range t.runs(func(b Bucket) bool { return b.Low != nil && b.High != nil }) {
		half := 0.0
		if len(run) == 1 {
			half = width / float64(len(t.Buckets)) / 6
		}
		for n, i := range run {
			b.WriteString(map[bool]string{true: "M", false: "L"}[n == 0] + coordinate(t.x(i)-half) + " " + coordinate(t.y(*t.Buckets[i].High)))
			if half > 0 {
				b.WriteString("L" + coordinate(t.x(i)+half) + " " + coordinate(t.y(*t.Buckets[i].High)))
			}
		}
		for n := len(run) - 1; n >= 0; n-- {
			b.WriteString("L" + coordinate(t.x(run[n])+half) + " " + coordinate(t.y(*t.Buckets[run[n]].Low)))
		}
		if half > 0 {
			b.WriteString("L" + coordinate(t.x(run[0])-half) + " " + coordinate(t.y(*t.Buckets[run[0]].Low)))
		}
		b.WriteString("Z")
	}
	return b.String()
}

// label is that of a bucket on the axis. A spare one is not drawn where there is
// little room.
type label struct {
	bucket int
	spare  bool
}

// labels are those that are drawn, as far apart as there is room for, but so that
// those of the years are among them: without these nobody knows which March it is.
func (t Trend) labels() []label {
	room := cmp.Or(t.Labels, 8)
	every := (len(t.Buckets) + room - 1) / room
	year := slices.IndexFunc(t.Buckets, func(b Bucket) bool { return b.Year })
	if year >= 0 {
		for every < 12 && 12%every != 0 { // so that each January is among them
			every++
		}
	}
	year = max(year, 0)
	var all []label
	for i := year % every; i < len(t.Buckets); i += every {
		all = append(all, label{i, (i-year)/every%2 != 0 && !t.Buckets[i].Year})
	}
	return all
}

// place is a bucket's middle as a share of the plot's width.
func (t Trend) place(i int) float64 { return (float64(i) + 0.5) / float64(len(t.Buckets)) }

func (t Trend) bucketWidth() string { return percent(1 / float64(len(t.Buckets))) }

func (t Trend) left(i int) string { return percent(float64(i) / float64(len(t.Buckets))) }

// level is the height of a value as a share of the plot's, for SVG attributes.
func (t Trend) level(v float64) string { return percent(t.y(v) / height) }

func box() string { return "0 0 " + strconv.Itoa(width) + " " + strconv.Itoa(height) }
