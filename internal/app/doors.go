package app

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoa-platform/stoa/internal/api"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/store"
)

// openDoors makes the handlers: the API, the portal, the metrics.
func (p *Platform) openDoors() error {
	draining := make(chan struct{})
	handler := api.New(api.Options{
		Store: p.store, Pipe: p.pipe, Auth: p.auth, Verbs: p.verbs, Delivery: p.delivery, Sources: p.sources,
		Logs: p.logs, Runtime: p.runtime, Ledger: ledger{p.sealer, p.store, p.key}, Ingest: p.ingest, Admin: administration{p}, Usage: using{p.usage}, Measures: p.measures,
		Secrets: p.secrets, Access: catalog.Access{Store: p.store, Clock: time.Now}, Webhooks: p.webhooks, Version: p.config.Version, Clock: time.Now, Logger: p.log,
		Ready:    func(ctx context.Context) error { return p.store.Ping(ctx) },
		Draining: draining,
	})
	pages, err := p.openPortal()
	if err != nil {
		return err
	}
	mux := behind(handler, pages)
	// Beside the registry that the platform keeps by itself: a scorecard is
	// computed for those who ask for it.
	exported := prometheus.NewRegistry()
	exported.MustRegister(&scores{engine: p.measures, objects: p.store, clock: time.Now, log: p.log}, projections{p.store, p.log})
	mux.Handle("GET /metrics", p.metrics.Handler(exported))
	p.server = &http.Server{
		Handler: fromClients(p.config.TrustedProxies, p.dispatch(mux)), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		ErrorLog: nil,
	}
	p.server.RegisterOnShutdown(pages.EndStreams)
	p.server.RegisterOnShutdown(func() { close(draining) })
	return nil
}

// ledger joins the sealer's proofs with the store's export.
type ledger struct {
	*event.Sealer
	store *store.Store
	key   event.Key
}

// Export seals first, so that everything in it is signed.
func (l ledger) Export(ctx context.Context, w io.Writer) error {
	if _, err := l.Seal(ctx); err != nil {
		return err
	}
	return l.store.Snapshot(ctx, func(ctx context.Context, snap event.Snapshot) error {
		return event.Export(ctx, snap, l.key, time.Now(), w)
	})
}

// noteExit hears of instances that end by themselves.
func (p *Platform) noteExit(e runtime.Event) { p.delivery.NoteExit(e) }

// What is recorded without being offered: nobody adopts a platform by signing in to
// it, nor by what the command does by itself, such as demanding that the ledger goes on.
const (
	useMeasures       = "measures"
	useSession        = "session"
	useAdministration = "administration"
)

// capability names what an operation of the API is a use of, "" for one that nobody
// has thought of yet.
func capability(operation string) string {
	switch operation {
	case "create-release", "put-source", "has-source", "watch-release", "detect-source", "rollback-service", "promote-service", "scale-service", "restart-service":
		return event.CapabilityDeploy
	case "logs-of-service":
		return "logs"
	case "list-events", "tail-events", "export-ledger":
		return "audit"
	case "set-secret-values", "list-secret-keys", "unset-secret-values", "set-values-of-secret", "unset-values-of-secret":
		return "secrets"
	case "post-events", "receive-webhook":
		return "events"
	case "list-measures", "ask-measure", "evidence-of-measure", "scorecard", "journeys", "contrasts":
		return useMeasures
	case "login", "whoami", "me", "version", "checkpoint", "consistency", "create-code", "create-token", "list-tokens", "revoke-token", "set-password":
		return useSession
	case "backup", "erase-person", "erase-payload", "create-account", "list-accounts", "disable-account":
		return useAdministration
	case "apply", "ask-access", "find-kind", "status", "status-of-service":
		return "catalog"
	}
	for _, verb := range []string{"get-", "list-", "put-", "delete-", "history-of-"} { // of every kind
		if strings.HasPrefix(operation, verb) {
			return "catalog"
		}
	}
	return ""
}

// ownCapabilities are the names of what Stoa offers by itself, and of what is
// recorded without being offered.
func ownCapabilities() []string {
	names := []string{useMeasures, useSession, useAdministration}
	for _, c := range capabilities() {
		names = append(names, c.Metadata.Name)
	}
	return names
}
