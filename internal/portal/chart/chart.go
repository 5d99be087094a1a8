// Package chart draws numbers over time as SVG on the server, so that a chart is
// there with the page, needs no script and takes its colours from the style
// sheet. What is not known is a gap, never a zero.
package chart

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Point is one value at the end of a step.
type Point struct {
	At    time.Time
	Value float64
}

// Plot is several panels over the same time.
type Plot struct {
	From, To time.Time
	Step     time.Duration
	Panels   []Panel
	Marks    []Mark
}

// Panel is one line of numbers.
type Panel struct {
	Title   string
	Summary string // the window in words, such as "1,204 requests"
	Empty   string // said instead of the line when there is no point at all
	Points  []Point
	Floor   float64 // the least top of the scale
	Format  func(float64) string
}

// Mark is a moment worth seeing in all panels, such as a release.
type Mark struct {
	At    time.Time
	Label string
	Href  string
	Title string
}

// The plot's inner coordinates; it is stretched to whatever room there is.
const (
	width  = 1000
	height = 100
)

// at gives the place of a time, 0 to 1 inside the plot.
func (p Plot) at(t time.Time) float64 {
	return float64(t.Sub(p.From)) / float64(p.To.Sub(p.From))
}

// percent writes a place for an SVG attribute.
func percent(share float64) string {
	return strconv.FormatFloat(math.Round(share*1e4)/100, 'f', -1, 64) + "%"
}

// inside gives the marks within the plot.
func (p Plot) inside() []Mark {
	var marks []Mark
	for _, m := range p.Marks {
		if at := p.at(m.At); at >= 0 && at <= 1 {
			marks = append(marks, m)
		}
	}
	return marks
}

// labelled leaves out marks whose label would lie over that of a later one.
func (p Plot) labelled() []Mark {
	const room = 0.14
	var marks []Mark
	last := 2.0
	for _, m := range slices.Backward(p.inside()) {
		if at := p.at(m.At); last-at >= room {
			marks, last = append(marks, m), at
		}
	}
	return marks
}

// anchor keeps a label inside the plot.
func anchor(at float64) string {
	switch {
	case at < 0.06:
		return "start"
	case at > 0.94:
		return "end"
	}
	return "middle"
}

// Top is the end of the panel's scale: the next round number.
func (p Panel) Top() float64 {
	most := p.Floor
	for _, point := range p.Points {
		most = max(most, point.Value)
	}
	return Round(most)
}

// Round gives the least of 1, 2, 4, 6, 8 times a power of ten that is not below v, so
// that the half of it, which the scale names too, has one digit;
// 1 for what is not positive.
func Round(v float64) float64 {
	if v <= 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 4, 6, 8} {
		if v <= step*power*(1+1e-9) {
			return step * power
		}
	}
	return 10 * power
}

// RoundTime is Round for seconds: it gives a number of seconds, minutes, hours or
// days, half of which is also read at a glance.
func RoundTime(seconds float64) float64 {
	const minute, hour, day = 60, 60 * 60, 24 * 60 * 60
	if !(seconds > 2) { // NaN as well
		return Round(seconds)
	}
	for _, step := range []float64{
		4, 10, 20, 30, minute, 2 * minute, 4 * minute, 10 * minute, 20 * minute, 30 * minute,
		hour, 2 * hour, 4 * hour, 6 * hour, 12 * hour, day, 2 * day, 4 * day, 6 * day,
	} {
		if seconds <= step*(1+1e-9) {
			return step
		}
	}
	return Round(seconds/day) * day
}

// runs cuts points where steps are missing between them.
func runs(points []Point, step time.Duration) [][]Point {
	var all [][]Point
	for i, p := range points {
		if i == 0 || p.At.Sub(points[i-1].At) > step+step/2 {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], p)
	}
	return all
}

// line is the path through the panel's points, area the one around what lies
// below it.
func (p Plot) line(panel Panel) (line, area string) {
	var l, a strings.Builder
	top := panel.Top()
	for _, run := range runs(panel.Points, p.Step) {
		first, last := p.x(run[0]), p.x(run[len(run)-1])
		if len(run) == 1 { // alone it would be nothing: it is as wide as its step
			first -= float64(p.Step) / float64(p.To.Sub(p.From)) * width
		}
		a.WriteString("M" + coordinate(first) + " " + strconv.Itoa(height))
		for i, point := range run {
			y := height - point.Value/top*height
			if i == 0 {
				l.WriteString("M" + coordinate(first) + " " + coordinate(y))
				a.WriteString("L" + coordinate(first) + " " + coordinate(y))
			}
			l.WriteString("L" + coordinate(p.x(point)) + " " + coordinate(y))
			a.WriteString("L" + coordinate(p.x(point)) + " " + coordinate(y))
		}
		a.WriteString("L" + coordinate(last) + " " + strconv.Itoa(height) + "Z")
	}
	return l.String(), a.String()
}

func (p Plot) x(point Point) float64 { return p.at(point.At) * width }

func coordinate(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// tick is a labelled time on the axis.
type tick struct {
	at    float64
	label string
}

// steps between ticks, of which the least is taken that gives at most six.
var steps = []time.Duration{
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour,
}

func (p Plot) ticks() []tick {
	span := p.To.Sub(p.From)
	step := steps[len(steps)-1]
	for _, s := range steps {
		if span/s <= 6 {
			step = s
			break
		}
	}
	format := "15:04"
	if step >= 24*time.Hour {
		format = "2 Jan"
	}
	var ticks []tick
	for t := p.From.UTC().Truncate(step).Add(step); t.Before(p.To); t = t.Add(step) {
		ticks = append(ticks, tick{p.at(t), t.Format(format)})
	}
	return ticks
}

// Spark gives the path of a small line 100 wide and 24 high, scaled to its own
// largest value; "" when there are fewer than two points.
func Spark(points []Point, from, to time.Time, step time.Duration) string {
	most := 0.0
	for _, p := range points {
		most = max(most, p.Value)
	}
	if len(points) < 2 || !to.After(from) {
		return ""
	}
	if most == 0 {
		most = 1
	}
	var b strings.Builder
	for _, run := range runs(points, step) {
		for i, p := range run {
			b.WriteString(map[bool]string{true: "M", false: "L"}[i == 0])
			b.WriteString(coordinate(float64(p.At.Sub(from))/float64(to.Sub(from))*100) + " " + coordinate(22-p.Value/most*20))
		}
	}
	return b.String()
}
