package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Values opens the values of secrets. It returns problem.NotFound for one that
// is not there.
type Values interface {
	Value(ctx context.Context, name, key string) ([]byte, error)
}

// Ingester takes events from outside into the ledger.
type Ingester interface {
	Ingest(ctx context.Context, by event.Poster, events []event.Event) ([]event.Outcome, error)
}

// Ledger is where incidents are looked up that may have ended, and where
// refusals are told.
type Ledger interface {
	event.Appender
	Events(ctx context.Context, f event.Filter) ([]event.Record, error)
}

// Options are what a Receiver works with; all but the last three are needed.
type Options struct {
	Objects    object.Reader
	Values     Values
	Ingest     Ingester
	Ledger     Ledger
	Registerer prometheus.Registerer
	Clock      func() time.Time
	Logger     *slog.Logger
}

// Receiver takes the requests of all webhooks.
type Receiver struct {
	Options
	requests *prometheus.CounterVec

	mu      sync.Mutex
	refused map[string]*refusals // by webhook; since the last flush
}

// NewReceiver makes a receiver.
func NewReceiver(o Options) *Receiver {
	r := &Receiver{Options: o, refused: map[string]*refusals{}, requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "stoa_webhook_requests_total", Help: "Requests to webhooks by what became of them: accepted, ignored, malformed, refused, failed.",
	}, []string{"webhook", "outcome"})}
	if r.Clock == nil {
		r.Clock = time.Now
	}
	if r.Logger == nil {
		r.Logger = slog.New(slog.DiscardHandler)
	}
	if r.Registerer != nil {
		r.Registerer.MustRegister(r.requests)
	}
	return r
}

// Result says what became of a request.
type Result struct {
	// Status is "accepted", "ignored" or, for the sender's own test, "ok".
	Status string `json:"status"`
	// Why says why a request was ignored.
	Why string `json:"why,omitempty"`
	// Items say what became of each event that was made of it.
	Items []event.Outcome `json:"items,omitempty"`
}

// Receive takes one request to the webhook of that name. It returns
// problem.NotFound without such a webhook, problem.Unauthenticated for a request
// that is not its sender's, problem.Invalid for a body that is not what the
// sender documents, problem.Unavailable while the webhook has no secret.
func (r *Receiver) Receive(ctx context.Context, name string, header http.Header, body []byte) (Result, error) {
	w, err := object.Get[Webhook](ctx, r.Objects, name)
	if err != nil {
		return Result{}, err
	}
	result, err := r.receive(ctx, w, header, body)
	outcome := result.Status
	switch {
	case problem.Is(err, problem.Unauthenticated):
		outcome = "refused"
	case problem.Is(err, problem.Invalid), problem.Is(err, problem.TooLarge):
		outcome = "malformed"
	case err != nil:
		outcome = "failed"
	}
	r.requests.WithLabelValues(name, outcome).Inc()
	return result, err
}

func (r *Receiver) receive(ctx context.Context, w Webhook, header http.Header, body []byte) (Result, error) {
	name := w.Metadata.Name
	if len(body) > MaxBody {
		return Result{}, problem.New(problem.TooLarge, "the request has %d bytes, at most %d are taken", len(body), MaxBody)
	}
	secret, err := r.Values.Value(ctx, w.Spec.Secret.Name, w.Spec.Secret.Key)
	if problem.Is(err, problem.NotFound) {
		return Result{}, problem.New(problem.Unavailable, "webhook %s has no secret yet: nothing can be taken", name).
			Do(fmt.Sprintf("stoa secret set secret/%s %s   asks for it", w.Spec.Secret.Name, w.Spec.Secret.Key)).Cause(err)
	}
	if err != nil {
		return Result{}, err
	}
	if why, ok := authentic(w.Spec.Sender, secret, header, body, r.Clock()); !ok {
		r.refuse(name, why)
		return Result{}, problem.New(problem.Unauthenticated, "this request is not from %s: nothing was taken", w.Spec.Sender).
			Because(why).Do("give the sender the same secret as webhook " + name)
	}
	translation, err := Translate(w.Spec, header, body)
	if err != nil {
		return Result{}, err
	}
	events := translation.Events
	if translation.Recovered != nil {
		ended, err := r.ended(ctx, w.Spec, *translation.Recovered)
		if err != nil {
			return Result{}, err
		}
		events = append(events, ended...)
	}
	if len(events) == 0 {
		if translation.Ignored == "" {
			return Result{Status: "ok"}, nil
		}
		return Result{Status: "ignored", Why: translation.Ignored}, nil
	}
	// A webhook speaks for every team: it is the platform team's.
	poster := event.Poster{Name: "webhook/" + name, Platform: true, Takes: true, Bot: true, Team: w.Spec.Mapping.Team}
	result := Result{Status: "accepted"}
	// What does not fit into one transaction is told again as a whole if a part
	// fails, and is a duplicate then.
	for part := range slices.Chunk(events, event.MaxBatch) {
		outcomes, err := r.Ingest.Ingest(ctx, poster, part)
		if err != nil {
			return Result{}, err
		}
		result.Items = append(result.Items, outcomes...)
	}
	return result, nil
}

// ended makes the ends of the incidents of a service that runs well again.
func (r *Receiver) ended(ctx context.Context, spec WebhookSpec, well Recovery) ([]event.Event, error) {
	records, err := r.Ledger.Events(ctx, event.Filter{Types: []string{"dev.cdevents.incident."}, Source: spec.Source, Service: well.Service, Environment: well.Environment, Newest: true, Limit: 200})
	if err != nil {
		return nil, fmt.Errorf("find open incidents: %w", err)
	}
	t := translator{spec: spec}
	over := map[string]bool{}
	var events []event.Event
	for _, rec := range records {
		if rec.Environment != well.Environment || over[rec.Subject] {
			continue
		}
		over[rec.Subject] = true // the newest says whether it is open
		if rec.Type == typeIncidentResolved || !rec.Time.Before(well.At) {
			continue
		}
		ev, err := t.event(fact{
			kind: typeIncidentResolved, id: "incident/" + rec.Subject + "/resolved", subject: rec.Subject, at: well.At,
			service: well.Service, environment: well.Environment, content: incident("", well.Service, well.Environment),
		})
		if err != nil {
			return nil, err
		}
		events = append(events, ev)
	}
	return events, nil
}
