package stat

// Kept is how many of those who could still be there, are.
type Kept struct{ Active, Of int }

// Trend is what may be said of the direction of a curve.
type Trend string

// The trends. Flat says no more than that no change is clear.
const (
	TooShort Trend = "too short"
	Falling  Trend = "falling"
	Flat     Trend = "flat"
	Rising   Trend = "rising"
)

// trendMonths is how far back a trend looks.
const trendMonths = 3

// RetentionCurve is what became of those who began in one month, or of several
// such cohorts taken together.
type RetentionCurve struct {
	// Months has the share still active after k months at index k, with Wilson's
	// interval.
	Months []Estimate
	// Change is the last month less the one three before, or less month 1 on a
	// shorter curve: month 0, when all have just begun, is no base. It is empty
	// if the curve is TooShort.
	Change Comparison
	Trend  Trend
	// Leaking: under half are left, and the curve is falling or flat. Its owner
	// is to be told.
	Leaking bool
}

// Retention is the curve of months 0, 1, … . Of is the cohort, or with several
// cohorts of different ages those old enough for that month; end the curve where
// none is. The trend is by Newcombe's interval as if the two months were of
// different teams; as they are largely the same ones, who tend to stay as they
// are, it rather says flat too often than falling or rising.
// ok is false without months, or if one has no Proportion.
func Retention(months []Kept) (RetentionCurve, bool) {
	if len(months) == 0 {
		return RetentionCurve{}, false
	}
	curve := RetentionCurve{Months: make([]Estimate, len(months)), Trend: TooShort}
	for i, m := range months {
		share, ok := Proportion(m.Active, m.Of)
		if !ok {
			return RetentionCurve{}, false
		}
		curve.Months[i] = share
	}
	last := len(months) - 1
	if last < 2 {
		return curve, true
	}
	now, then := months[last], months[max(1, last-trendMonths)]
	curve.Change, _ = ProportionDifference(now.Active, now.Of, then.Active, then.Of)
	switch {
	case !curve.Change.Clear:
		curve.Trend = Flat
	case curve.Change.Value < 0:
		curve.Trend = Falling
	default:
		curve.Trend = Rising
	}
	curve.Leaking = curve.Months[last].Value < 0.5 && curve.Trend != Rising
	return curve, true
}
