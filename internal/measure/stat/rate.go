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
