// Package app is the composition root: the only package that knows all the
// others. It opens the engines, plugs the rooms into admission, and serves.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/build"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/governance"
	"github.com/stoa-platform/stoa/internal/logs"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/metrics"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/reconcile"
	"github.com/stoa-platform/stoa/internal/route"
	"github.com/stoa-platform/stoa/internal/runtime/process"
	"github.com/stoa-platform/stoa/internal/secret"
	"github.com/stoa-platform/stoa/internal/source"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/support"
	"github.com/stoa-platform/stoa/internal/webhook"
)

// Platform is one running platform process.
type Platform struct {
	config   config.Config
	log      *slog.Logger
	listener net.Listener
	server   *http.Server
	ready    chan struct{} // closed once it serves

	store    *store.Store
	pipe     *admission.Pipe
	auth     *auth.Service
	delivery *delivery.Delivery
	verbs    delivery.Verbs
	secrets  delivery.SecretValues
	sources  *source.Store
	builder  *build.Builder
	logs     *logs.Store
	output   *logging
	metrics  *metrics.DB
	registry *prometheus.Registry
	router   *route.Router
	runtime  *process.Runtime
	steps    *stepTimer
	jobs     *reconcile.Engine
	sealer   *event.Sealer
	key      event.Key
	runner   *event.Runner
	usage    *event.Usage
	ingest   *event.Ingester
	webhooks *webhook.Receiver
	measures *measure.Engine

	background sync.WaitGroup
	stop       context.CancelFunc
	closers    []func(context.Context) error // in the order of opening
}

// Open opens everything and listens, but serves nothing yet. The caller must
// Close the platform, also after Serve has returned.
func Open(ctx context.Context, c config.Config, log *slog.Logger) (_ *Platform, err error) {
	p := &Platform{config: c, log: log, ready: make(chan struct{}), stop: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	if err := p.lock(); err != nil {
		return nil, err
	}
	// The port is taken first: an address in use is told before any work.
	if err := p.listen(ctx); err != nil {
		return nil, err
	}
	kinds, policies, err := kinds()
	if err != nil {
		return nil, err
	}
	if err := p.openStore(ctx, kinds); err != nil {
		return nil, err
	}
	if err := p.openEngines(ctx); err != nil {
		return nil, err
	}
	if err := p.openRooms(ctx, kinds, policies); err != nil {
		return nil, err
	}
	if err := p.bootstrap(ctx); err != nil {
		return nil, err
	}
	if err := p.forgetErased(ctx); err != nil {
		return nil, err
	}
	return p, p.openDoors()
}

// kinds registers every kind of every room.
func kinds() (*object.Registry, *governance.Policies, error) {
	policies := governance.NewPolicies()
	var all []object.Kind
	all = append(all, catalog.Kinds()...)
	all = append(all, delivery.Kinds()...)
	all = append(all, secret.Kind(), webhook.Kind())
	all = append(all, governance.Kinds(policies)...)
	all = append(all, measure.ScorecardKind(known()))
	all = append(all, adoption.Kinds()...)
	registry, err := object.NewRegistry(all...)
	if err != nil {
		return nil, nil, fmt.Errorf("register kinds: %w", err)
	}
	return registry, policies, nil
}

// known tells which measures there are.
func known() func(name string) bool {
	names := map[string]bool{}
	for _, m := range measures() {
		names[m.Name] = true
	}
	return func(name string) bool { return names[name] }
}

func (p *Platform) openStore(ctx context.Context, kinds *object.Registry) (err error) {
	p.store, err = store.Open(ctx, p.config.Database, store.Options{Logger: p.log, Fields: func(kind string) []string {
		k, _ := kinds.ByName(kind)
		return k.Fields
	}})
	if err != nil {
		return err
	}
	p.closing(func(context.Context) error { return p.store.Close() })
	return nil
}

func (p *Platform) openEngines(ctx context.Context) (err error) {
	p.registry = prometheus.NewRegistry()
	p.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	p.steps = newStepTimer(p.registry, time.Now)
	if p.sources, err = source.NewStore(p.path("sources")); err != nil {
		return err
	}
	if p.builder, err = build.NewBuilder(build.Options{Dir: p.path("builds"), Log: p.log}); err != nil {
		return err
	}
	p.closing(func(context.Context) error { p.builder.Close(); return nil })
	if p.logs, err = logs.Open(p.path("logs"), logs.Options{Logger: p.log, Registerer: p.registry}); err != nil {
		return err
	}
	p.closing(func(context.Context) error { return p.logs.Close() })
	if p.metrics, err = metrics.Open(p.path("metrics"), metrics.Options{
		Gatherer: p.registry, Logger: p.log, Traffic: metrics.TrafficNames{Requests: route.RequestsTotal, Duration: route.DurationSeconds},
	}); err != nil {
		return err
	}
	p.closing(func(context.Context) error { return p.metrics.Close() })
	p.output = &logging{store: p.logs}
	p.router = route.New(route.Options{
		Registerer: p.registry, Logger: p.log,
		Absent: func(ctx context.Context, service, environment string) route.Absence {
			return absent(ctx, p.store, service, environment)
		},
	})
	p.runtime, err = process.New(ctx, process.Options{
		State: p.path("run"), Router: routing{p.router}, Logs: p.output, Exits: p.noteExit, Logger: p.log,
	})
	if err != nil {
		return err
	}
	p.closing(p.runtime.Close)
	return nil
}

func (p *Platform) openRooms(ctx context.Context, kinds *object.Registry, policies *governance.Policies) error {
	clock := time.Now
	p.auth = auth.New(p.store, catalog.Members{Objects: p.store}, clock, p.log)
	keys, err := p.keyring(ctx)
	if err != nil {
		return err
	}
	vault, err := secret.NewVault(ctx, p.store, keys)
	if err != nil {
		return err
	}
	team, _ := kinds.ByName("Team")
	service, _ := kinds.ByName("Service")
	p.delivery = delivery.New(delivery.Options{
		Store: p.store, Sources: sourcing{p.sources}, Builder: p.builder, Runtime: p.runtime, Secrets: vault, TeamKind: team, ServiceKind: service,
		URL: p.serviceURL, Confide: p.output.confide, Forget: p.forget, Homes: p.path("homes"), StepEdge: p.steps.edge, Clock: clock, Logger: p.log,
	})
	p.usage = event.NewUsage(p.store, event.UsageOptions{Logger: p.log})
	p.pipe, err = admission.New(admission.Options{
		Store: p.store, Kinds: kinds, Usage: p.usage, Clock: clock, Logger: p.log,
		Rules:  append(p.delivery.Rules(), delivery.SecretRule(vault), catalog.TeamRule(secret.Kind()), catalog.UserRule(), catalog.EnvironmentRule(), governance.ExceptionRule()),
		Gates:  []admission.Gate{governance.Quotas{}, policies, governance.Targets{}},
		Lifter: governance.Exceptions{},
	})
	if err != nil {
		return err
	}
	p.verbs = delivery.Verbs{Admit: p.pipe, Objects: p.store}
	p.secrets = delivery.SecretValues{Admit: p.pipe, Objects: p.store, Clock: clock}
	if p.jobs, err = reconcile.New(ctx, p.store, reconcile.Options{ID: p.replicaID(), URL: p.config.Database, Logger: p.log, Workers: p.delivery.Workers()}); err != nil {
		return err
	}
	if p.key, err = p.store.LedgerKey(ctx, ledgerName); err != nil {
		return err
	}
	var look time.Duration
	if p.store.Dialect() == "sqlite" { // one process owns such a database: no replica appends
		look = time.Minute
	}
	p.sealer = event.NewSealer(p.store, p.key, event.SealerOptions{Logger: p.log, Look: look})
	p.runner = event.NewRunner(p.store, slices.Concat(adoption.Projectors(), dora.Projectors(), support.Projectors()), event.RunnerOptions{Logger: p.log, Look: look})
	p.ingest = event.NewIngester(p.store, event.IngestOptions{TeamOf: p.teamOf, Capabilities: ownCapabilities()})
	p.webhooks = webhook.NewReceiver(webhook.Options{
		Objects: p.store, Values: vault, Ingest: p.ingest, Ledger: p.store, Registerer: p.registry, Clock: clock, Logger: p.log,
	})
	p.measures, err = measure.NewEngine(p.store, adoption.NewOrganisation(p.store, clock), measures()...)
	return err
}

// measures are those of every room.
func measures() []measure.Measure {
	people := new(adoption.People)
	return slices.Concat(adoption.Measures(people), dora.Measures(), support.Measures(people.Users, people.DaysOfUse), waitingMeasures())
}

// ledgerName names the key that signs the ledger's checkpoints.
const ledgerName = "stoa.dev/ledger"

// keyring opens the key that secrets are encrypted under. It lies outside the
// database, so that a copy of that alone opens nothing.
func (p *Platform) keyring(ctx context.Context) (*secret.Keyring, error) {
	if path := os.Getenv(config.EnvKeyset); path != "" {
		return secret.OpenKeyring(path, false)
	}
	path := filepath.Join(p.path("keys"), "secrets.json")
	sealed, err := secret.Sealed(ctx, p.store)
	if err != nil {
		return nil, err
	}
	if sealed { // a restored database waits for its own keyset
		return secret.OpenKeyring(path, false)
	}
	if err := os.MkdirAll(p.path("keys"), 0o700); err != nil {
		return nil, fmt.Errorf("make folder for keys: %w", err)
	}
	return secret.OpenKeyring(path, true)
}

func (p *Platform) closing(f func(context.Context) error) { p.closers = append(p.closers, f) }

func (p *Platform) path(name string) string { return filepath.Join(p.config.Data, name) }
