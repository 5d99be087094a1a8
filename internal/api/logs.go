package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/logs"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
)

type logsInput struct {
	NameInput
	Environment string    `query:"environment" doc:"Default: the only one, or the first."`
	Release     string    `query:"release"`
	Instance    string    `query:"instance"`
	Stream      string    `query:"stream" enum:"stdout,stderr,stoa,"`
	Since       time.Time `query:"since" doc:"RFC 3339."`
	Until       time.Time `query:"until" doc:"RFC 3339."`
	Grep        string    `query:"grep" maxLength:"1000" doc:"Only lines that match this regular expression (RE2)."`
	Tail        int       `query:"tail" minimum:"0" maximum:"100000" default:"0" doc:"Only the newest so many; 0 is all."`
	Follow      bool      `query:"follow"`
	Attached    bool      `query:"attached" doc:"A command that released the service shows what it prints, unasked: no use of the logs is recorded."`
	Accept      string    `header:"Accept" doc:"text/event-stream for server-sent events named line; else a JSON document on each line."`
}

func (a *api) serviceLogs(ctx context.Context, in *logsInput) (*huma.StreamResponse, error) {
	s, err := object.Get[catalog.Service](ctx, a.Store, in.Name)
	if err != nil {
		return nil, err
	}
	kind, _ := a.Pipe.Kinds().ByName("Service")
	if err := a.reads(ctx, auth.Logs, kind, s.Metadata.Owner); err != nil {
		return nil, err
	}
	f := logs.Filter{
		Service: in.Name, Environment: in.Environment, Release: in.Release, Instance: in.Instance, Stream: in.Stream,
		Since: in.Since, Until: in.Until, Tail: in.Tail,
	}
	if in.Grep != "" {
		if f.Grep, err = regexp.Compile(in.Grep); err != nil {
			return nil, problem.New(problem.Invalid, "grep %q is no regular expression: %v", in.Grep, err)
		}
	}
	if err := a.narrow(ctx, s, &f); err != nil {
		return nil, err
	}
	if a.Usage != nil {
		r := requestOf(ctx)
		if !in.Attached {
			a.Usage.NoteService(ctx, r.principal, "logs", s.Metadata.Owner, in.Name, f.Environment, r.surface)
		}
		r.noted = true
	}
	entries := a.Logs.Query
	if in.Follow {
		entries = a.Logs.Follow
	}
	if strings.Contains(in.Accept, "text/event-stream") {
		return stream(func(ctx context.Context, s *sse) error {
			for entry, err := range entries(ctx, f) {
				if err != nil {
					return err
				}
				data, err := json.Marshal(entry)
				if err != nil {
					return err
				}
				if err := s.send("line", data); err != nil {
					return err
				}
			}
			return nil
		}), nil
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		hctx.SetHeader("Content-Type", "application/x-ndjson")
		w := hctx.BodyWriter()
		flush := func() error { return nil }
		if in.Follow {
			_, answer := humago.Unwrap(hctx)
			flush = http.NewResponseController(answer).Flush
		}
		if flush() != nil {
			return
		}
		encode := json.NewEncoder(w)
		limited, cancel := bounded(hctx.Context())
		defer cancel()
		for entry, err := range entries(limited, f) {
			if err != nil {
				a.Logger.Error("reading logs", "service", in.Name, "error", err)
				return
			}
			if encode.Encode(entry) != nil || flush() != nil {
				return // the client has gone
			}
		}
	}}, nil
}

// narrow completes the filter by what is known of the service, and refuses names
// that no line of it can have: nothing would come, as if it had printed nothing.
func (a *api) narrow(ctx context.Context, s catalog.Service, f *logs.Filter) error {
	if f.Environment == "" && f.Release == "" && f.Instance == "" {
		if envs := slices.Sorted(maps.Keys(s.Status.Environments)); len(envs) > 0 {
			f.Environment = envs[0]
		}
		return nil
	}
	releases, err := a.Verbs.Releases(ctx, f.Service, "")
	if err != nil {
		return err
	}
	name := s.Metadata.Name
	names, in := []string{}, map[string]bool{} // newest first; it may have left an environment that has its lines
	for _, env := range catalog.EnvironmentsOf(s) {
		in[env] = true
	}
	for _, rel := range releases {
		names, in[rel.Spec.Environment] = append(names, rel.Metadata.Name), true
	}
	if f.Environment != "" && !in[f.Environment] {
		return catalog.NotIn(name, f.Environment, slices.Collect(maps.Keys(in)))
	}
	if f.Release != "" {
		at := slices.Index(names, f.Release)
		if at < 0 {
			return problem.New(problem.NotFound, "service %s has no release %s", name, f.Release).
				Because(newestOf(names)).Do("stoa history " + name)
		}
		env := releases[at].Spec.Environment
		if f.Environment = cmp.Or(f.Environment, env); f.Environment != env {
			return problem.New(problem.NotFound, "release %s is in %s, not in %s", f.Release, env, f.Environment).
				Do("stoa logs " + name + " --env " + env + " --release " + f.Release)
		}
	}
	if f.Instance != "" {
		return a.knownInstance(ctx, f, slices.Sorted(maps.Keys(in)))
	}
	return nil
}

// newestOf says which releases there are, the newest first.
func newestOf(names []string) string {
	const most = 5
	switch more := len(names) - most; {
	case len(names) == 0:
		return "it has none yet"
	case more > 0:
		return fmt.Sprintf("the newest are %s; %d more are older", list(names[:most]), more)
	}
	return "it has " + list(names)
}

// knownInstance refuses an instance that does not run and has left no line.
func (a *api) knownInstance(ctx context.Context, f *logs.Filter, in []string) error {
	var running []string
	for _, env := range in {
		if f.Environment != "" && env != f.Environment {
			continue
		}
		seen, err := a.Runtime.Status(ctx, runtime.Key{Service: f.Service, Environment: env})
		if err != nil && !errors.Is(err, runtime.ErrNotFound) {
			return fmt.Errorf("ask how %s runs in %s: %w", f.Service, env, err)
		}
		for _, i := range seen.All() {
			if running = append(running, i.ID); i.ID == f.Instance {
				return nil
			}
		}
	}
	for _, err := range a.Logs.Query(ctx, logs.Filter{Service: f.Service, Environment: f.Environment, Instance: f.Instance, Limit: 1}) {
		return err
	}
	why := "no instance of it runs"
	if len(running) > 0 {
		why = "those that run: " + list(running)
	}
	return problem.New(problem.NotFound, "service %s has no instance %s and no line of one", f.Service, f.Instance).
		Because(why).Do("stoa describe service " + f.Service)
}

func list(words []string) string { return strings.Join(words, ", ") }
