package route

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Names of the metrics, for whoever queries them. Labels are service,
// environment and release (absent where no backend took the request).
const (
	// RequestsTotal counts requests by "code", the class of the status: 1xx to 5xx.
	RequestsTotal = "stoa_http_requests_total"
	// DurationSeconds is the histogram of the time from the arrival of a
	// request to the last byte of its response; for event streams and upgraded
	// connections to the response's header.
	DurationSeconds = "stoa_http_request_duration_seconds"
	// ErrorsTotal counts by "reason" what was not the application's own answer:
	// no_instance, hold_timeout, hold_full, connect, backend (it broke before
	// its answer), aborted (in it), client_gone.
	ErrorsTotal = "stoa_http_errors_total"
	// InFlightRequests is the number of requests that run now.
	InFlightRequests = "stoa_http_requests_in_flight"
)

// keptReleases bounds the series of a service: its newest releases only.
const keptReleases = 3

var classes = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

// red makes and forgets the series of each service.
type red struct {
	requests    *prometheus.CounterVec
	errors      *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	unknownHost prometheus.Counter

	mu       sync.Mutex
	series   map[series]*numbers
	releases map[string][]string // by "service.environment", oldest first
}

type series struct{ service, environment, release string }

// numbers are the counters of one release, resolved once: counting looks
// nothing up.
type numbers struct {
	requests [len(classes)]prometheus.Counter
	duration prometheus.Observer
	errors   *prometheus.CounterVec
	labels   series
}

func newRED(reg prometheus.Registerer) *red {
	labels := []string{"service", "environment", "release"}
	r := &red{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: RequestsTotal, Help: "Requests to services by class of status."}, append(labels, "code")),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: ErrorsTotal, Help: "Requests to services that the application did not answer in full, by reason."}, append(labels, "reason")),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: DurationSeconds, Help: "Duration of requests to services, from arrival to the last byte.",
			Buckets:                        []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
			NativeHistogramBucketFactor:    1.1,
			NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}, labels),
		unknownHost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "stoa_http_unknown_host_total", Help: "Requests for a host that names no service."}),
		series:   map[series]*numbers{},
		releases: map[string][]string{},
	}
	reg.MustRegister(r.requests, r.errors, r.duration, r.unknownHost)
	return r
}

// numbers returns the series of the release, all at zero when new, so that the
// first request is an increase.
func (r *red) numbers(service, environment, release string) *numbers {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := series{service, environment, release}
	if n := r.series[key]; n != nil {
		return n
	}
	n := &numbers{duration: r.duration.WithLabelValues(service, environment, release), errors: r.errors, labels: key}
	for i, class := range classes {
		n.requests[i] = r.requests.WithLabelValues(service, environment, release, class)
	}
	r.series[key] = n
	name := service + "." + environment
	r.releases[name] = append(r.releases[name], release)
	return n
}

// retain drops the series of all but the newest releases of the service; those
// that serve now are never dropped.
func (r *red) retain(service, environment string, serving []*backend) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := service + "." + environment
	kept := r.releases[name]
	for i := 0; len(kept) > keptReleases && i < len(kept); {
		release := kept[i]
		if slices.ContainsFunc(serving, func(b *backend) bool { return b.Release == release }) {
			i++
			continue
		}
		r.drop(series{service, environment, release})
		kept = slices.Delete(kept, i, i+1)
	}
	r.releases[name] = kept
}

func (r *red) forget(service, environment string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, release := range r.releases[service+"."+environment] {
		r.drop(series{service, environment, release})
	}
	delete(r.releases, service+"."+environment)
}

func (r *red) drop(s series) {
	match := prometheus.Labels{"service": s.service, "environment": s.environment, "release": s.release}
	r.requests.DeletePartialMatch(match)
	r.errors.DeletePartialMatch(match)
	r.duration.DeletePartialMatch(match)
	delete(r.series, s)
}

func (n *numbers) count(status int, d time.Duration, reason string) {
	class := status/100 - 1
	if class < 0 || class >= len(classes) {
		class = len(classes) - 1
	}
	n.requests[class].Inc()
	n.duration.Observe(d.Seconds())
	if reason != "" {
		n.errors.WithLabelValues(n.labels.service, n.labels.environment, n.labels.release, reason).Inc()
	}
}

// inFlight reads the gauge from the backends' own counters when it is gathered.
type inFlight struct{ r *Router }

var inFlightDesc = prometheus.NewDesc(InFlightRequests, "Requests to services that run now.",
	[]string{"service", "environment"}, nil)

func (inFlight) Describe(ch chan<- *prometheus.Desc) { ch <- inFlightDesc }

func (c inFlight) Collect(ch chan<- prometheus.Metric) {
	for _, rt := range c.r.table.Load().routes {
		n := rt.shared.waiting.Load()
		for _, b := range rt.backends {
			n += b.inFlight.Load()
		}
		ch <- prometheus.MustNewConstMetric(inFlightDesc, prometheus.GaugeValue, float64(n), rt.service, rt.environment)
	}
}
