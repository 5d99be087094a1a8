package delivery

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/build"
	"github.com/stoa-platform/stoa/internal/delivery/backoff"
	"github.com/stoa-platform/stoa/internal/delivery/lane"
	"github.com/stoa-platform/stoa/internal/delivery/ownership"
	"github.com/stoa-platform/stoa/internal/delivery/progress"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/reconcile"
	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/secret"
	"github.com/stoa-platform/stoa/internal/store"
)

// Builder makes artifacts and keeps them; package build has it.
type Builder interface {
	Build(ctx context.Context, req build.Request, logw io.Writer) (build.Artifact, error)
	Get(digest string) (build.Artifact, error)
}

// Secrets gives the environment of Secret objects as "KEY=value".
type Secrets interface {
	Environment(ctx context.Context, names []string) ([]string, error)
	// Erase deletes the values of a secret in the transaction.
	Erase(ctx context.Context, tx *store.Tx, name string) error
	// Redactor masks the values of such an environment.
	Redactor(env []string) *secret.Redactor
}

// Options are the parts that delivery works with.
type Options struct {
	Store   *store.Store
	Sources Sources
	Builder Builder
	Runtime runtime.Runtime
	Secrets Secrets
	// TeamKind and ServiceKind are asked about in the permission table.
	TeamKind, ServiceKind object.Kind
	// URL gives the address of a service in an environment.
	URL func(service, environment string) string
	// Homes is the folder in which each service gets a private home.
	Homes string
	// Confide tells what to mask in the output of a service, before it starts.
	Confide func(key runtime.Key, mask *secret.Redactor)
	// Forget deletes what is kept of a service beside the database: its logs.
	Forget func(service, environment string) error
	// StepEdge hears when a step of a release begins and, with done, when its
	// end, good or bad, is on record. It is called by the worker itself: what it
	// takes is added to the release. The steps on the way in are taken inside the
	// request, before the release has a name ("") or is on record; one that is
	// refused has no end. May be nil.
	StepEdge func(release, step string, done bool)
	Clock    func() time.Time
	Logger   *slog.Logger
}

// Delivery carries out releases and keeps what runs.
type Delivery struct {
	progress.Hub

	store    *store.Store
	sources  Sources
	builder  Builder
	runtime  runtime.Runtime
	secrets  Secrets
	owners   ownership.Finder
	url      func(service, environment string) string
	homes    string
	confide  func(key runtime.Key, mask *secret.Redactor)
	forget   func(service, environment string) error
	stepEdge func(release, step string, done bool)
	clock    func() time.Time
	log      *slog.Logger
	retries  *backoff.Retries
	lanes    lane.Lanes
	starting lane.Limit
}

// New returns a Delivery.
func New(o Options) *Delivery {
	if o.StepEdge == nil {
		o.StepEdge = func(string, string, bool) {}
	}
	d := &Delivery{
		store: o.Store, sources: o.Sources, builder: o.Builder, runtime: o.Runtime, secrets: o.Secrets, owners: ownership.Finder{Team: o.TeamKind, Service: o.ServiceKind},
		url: o.URL, homes: o.Homes, confide: o.Confide, forget: o.Forget, stepEdge: o.StepEdge, clock: o.Clock, log: o.Logger,
		starting: make(lane.Limit, maxStarting),
	}
	d.retries = backoff.New(d.tryService)
	return d
}

// tryService inserts a job that tries to bring a service up again.
func (d *Delivery) tryService(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := d.enqueue(ctx, store.Job{Kind: "service", Args: serviceJob{Service: name, Restores: true}}); err != nil {
		d.log.Error("service not tried again", "service", name, "error", err)
	}
}

func (d *Delivery) enqueue(ctx context.Context, jobs ...store.Job) error {
	return d.store.Write(ctx, actor, func(ctx context.Context, tx *store.Tx) error { return tx.Enqueue(ctx, jobs...) })
}

// Close ends what delivery does by itself. Jobs that run are the queue's.
func (d *Delivery) Close() { d.retries.Close() }

// Rules are what delivery does with its kinds on the way in.
func (d *Delivery) Rules() []admission.Rule {
	return []admission.Rule{
		{
			Kind: "Release", Infer: d.infer, Admit: d.admit, Initial: d.initial,
			Plan: func(_ context.Context, c *admission.Change, draft *admission.Draft, stored object.Object) (admission.Plan, error) {
				if draft.Delete {
					return admission.Plan{}, nil
				}
				var rel Release
				if err := rel.From(stored); err != nil {
					return admission.Plan{}, err
				}
				if draft.Old != nil {
					return admission.Plan{Jobs: []store.Job{cancelJob(rel)}}, nil
				}
				events, err := admittedEvents(rel, c.By.Name)
				return admission.Plan{Events: events, Jobs: []store.Job{jobOf(rel)}}, err
			},
		},
		{Kind: "Service", Infer: d.guardService, Admit: d.admitService, Plan: d.planService},
	}
}

// Workers work delivery's jobs.
func (d *Delivery) Workers() []reconcile.Worker {
	return []reconcile.Worker{
		{Name: "release", Work: d.workRelease},
		{Name: "service", Work: d.workService},
	}
}

// So many rollouts begin at once, and after a restart of Stoa so many services are
// brought up, since each is copied and computes when it starts. One that has not come
// up for a while only waits, most likely in vain, and lets the next one begin.
const (
	maxStarting = 16
	startsFor   = 5 * time.Second
)
