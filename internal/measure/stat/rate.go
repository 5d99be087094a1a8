package stat

// Rate is events ÷ exposure, events that come one by one over time or people:
// tickets per user, incidents per day. The unit of exposure is the caller's
// (hundreds of users give a rate per hundred users); N is the number of events.
// The interval is Garwood's, exact for a Poisson count: at least 95 %, and above
// 0 events never down to 0. Of events that come in bursts it is too narrow.
// ok is false unless events ≥ 0 and exposure > 0.
//
// F. Garwood, Fiducial limits for the Poisson distribution, Biometrika 28 (1936)
// 437–442, by quantiles of the gamma distribution.
func Rate(events int, exposure float64) (Estimate, bool) {
	if !counts(events) || !finite(exposure) || exposure <= 0 {
		return Estimate{}, false
	}
	n := float64(events)
	interval := Interval{0, gammaQuantile(1-tail, z, n+1) / exposure}
	if events > 0 {
		interval.Low = gammaQuantile(tail, -z, n) / exposure
	}
	if !interval.Bounded() {
		return Estimate{}, false
	}
	return Estimate{n / exposure, events, interval}, true
}

// RateRatio is the rate of A ÷ the rate of B, with the exact interval that
// follows from how the events that there were fell to the two: 0.7 reads "30 %
// fewer". Both exposures are in one unit. It is clear where it leaves out 1.
// ok is false unless both exposures are above 0, B has an event (nothing can be
// divided by a rate of 0: show both rates instead), A has 0 or more, and
// together they have 10⁹ at most.
//
// J. Przyborowski, H. Wilenski, Biometrika 31 (1940) 313–323; as in E. L.
// Lehmann, J. P. Romano, Testing Statistical Hypotheses, §4.5.
func RateRatio(eventsA int, exposureA float64, eventsB int, exposureB float64) (Comparison, bool) {
	a, okA := Rate(eventsA, exposureA)
	b, okB := Rate(eventsB, exposureB)
	if !okA || !okB || eventsB == 0 {
		return Comparison{}, false
	}
	all := eventsA + eventsB
	shareA, ok := ExactProportion(eventsA, all)
	if !ok {
		return Comparison{}, false
	}
	shareB, _ := ExactProportion(eventsB, all)
	// The odds of A are p/(1−p); 1−p of one is p of the other, with more digits.
	perEvent := exposureB / exposureA
	interval := Interval{
		shareA.Interval.Low / shareB.Interval.High * perEvent,
		shareA.Interval.High / shareB.Interval.Low * perEvent,
	}
	value := a.Value / b.Value
	if !finite(value) || !interval.Bounded() {
		return Comparison{}, false
	}
	return Comparison{value, eventsA, eventsB, interval, !interval.Contains(1)}, true
}
