package api

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/delivery/progress"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/source"
)

// DigestInput is the digest of a source in the address.
type DigestInput struct {
	Digest string `path:"digest" pattern:"^sha256:[0-9a-f]{64}$" doc:"Digest of the source."`
}

func (a *api) releaseRoutes() {
	register(a, huma.Operation{
		OperationID: "has-source", Method: http.MethodHead, Path: "/api/v1/sources/{digest}", Summary: "Ask whether a source is here already", Tags: []string{"releases"},
		Description: "It is here for who has uploaded it, and for who may change a service that was released from it.",
	}, func(ctx context.Context, in *DigestInput) (*struct{}, error) {
		if err := a.mayRelease(ctx); err != nil {
			return nil, err
		}
		return nil, a.Delivery.MayTake(ctx, requestOf(ctx).principal, in.Digest)
	})
	register(a, huma.Operation{
		OperationID: "put-source", Method: http.MethodPut, Path: "/api/v1/sources/{digest}", Summary: "Upload a source", Tags: []string{"releases"},
		Description: "The body is the snapshot of a folder: a deterministic tar, compressed. It is unpacked, its digest is made anew and must be the one of the address.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/x-tar+zstd": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}},
	}, func(ctx context.Context, in *sourceInput) (*struct{}, error) {
		if err := a.mayRelease(ctx); err != nil {
			return nil, err
		}
		if err := in.deadline(a.Clock().Add(sourceTime)); err != nil {
			return nil, err
		}
		return nil, a.Sources.Put(ctx, source.Digest(in.Digest), requestOf(ctx).principal.Name, http.MaxBytesReader(nil, in.body, maxSource))
	})
	register(a, huma.Operation{
		OperationID: "detect-source", Method: http.MethodPost, Path: "/api/v1/sources/{digest}/detect", Summary: "Tell what a source is, with the evidence", Tags: []string{"releases"},
	}, func(ctx context.Context, in *detectInput) (*detectOutput, error) {
		if err := a.mayRelease(ctx); err != nil {
			return nil, err
		}
		result, err := a.Delivery.Detect(ctx, requestOf(ctx).principal, in.Digest, in.Body.Origin, in.Body.Name, in.Body.Answers)
		return &detectOutput{Body: result}, err
	})
	register(a, huma.Operation{
		OperationID: "create-release", Method: http.MethodPost, Path: "/api/v1/releases", Summary: "Release a source, or an earlier artifact", Tags: []string{"releases"},
		DefaultStatus: http.StatusCreated,
	}, func(ctx context.Context, in *upInput) (*releaseOutput, error) {
		rel, err := a.Verbs.Up(ctx, by(ctx, in.Body.Reason), in.Body.Spec, in.Body.Team, in.DryRun)
		return &releaseOutput{Body: rel}, err
	})
	register(a, huma.Operation{
		OperationID: "cancel-release", Method: http.MethodPost, Path: "/api/v1/releases/{name}/cancel", Summary: "End a release that is on its way", Tags: []string{"releases"},
		Description: "The answer comes at once; the release ends within seconds, as its status tells. What served before goes on.",
	}, func(ctx context.Context, in *cancelInput) (*releaseOutput, error) {
		reason := ""
		if in.Body != nil {
			reason = in.Body.Reason
		}
		rel, err := a.Verbs.Cancel(ctx, by(ctx, reason), in.Name)
		return &releaseOutput{Body: rel}, err
	})
	register(a, huma.Operation{
		OperationID: "watch-release", Method: http.MethodGet, Path: "/api/v1/releases/{name}/progress", Summary: "Follow a release until it is done", Tags: []string{"releases"},
		Description: "Server-sent events: `release` with the whole object whenever it changed, `line` with a line of output. The stream ends after the release has.",
		Responses:   map[string]*huma.Response{"200": {Description: "Server-sent events.", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}}}},
	}, a.watchRelease)
	register(a, huma.Operation{
		OperationID: "release-build-output", Method: http.MethodGet, Path: "/api/v1/releases/{name}/build-output", Summary: "What the commands printed that built a release", Tags: []string{"releases"},
		Description: "It is kept as long as what was built, and read by who may read the service's logs.",
		Responses:   map[string]*huma.Response{"200": {Description: "Lines.", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: "string"}}}}},
	}, a.buildOutput)
}

// printing reads a release; refused is why what it prints is not for the caller.
func (a *api) printing(ctx context.Context, name string) (rel delivery.Release, refused, err error) {
	if err := a.readsKind(ctx, "Release"); err != nil {
		return rel, nil, err
	}
	if rel, err = object.Get[delivery.Release](ctx, a.Store, name); err != nil {
		return rel, nil, err
	}
	kind, _ := a.Pipe.Kinds().ByName("Service")
	return rel, a.reads(ctx, auth.Logs, kind, rel.Metadata.Owner), nil
}

func (a *api) buildOutput(ctx context.Context, in *NameInput) (*huma.StreamResponse, error) {
	rel, refused, err := a.printing(ctx, in.Name)
	if err = cmp.Or(err, refused); err != nil {
		return nil, err
	}
	printed, err := a.Delivery.BuildOutput(rel)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer printed.Close()
		hctx.SetHeader("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.Copy(hctx.BodyWriter(), printed) // the client may have gone
	}}, nil
}

// mayRelease holds for whoever may release anything at all; which service it
// is, admission asks later.
func (a *api) mayRelease(ctx context.Context) error {
	kind, _ := a.Pipe.Kinds().ByName("Release")
	return auth.Anywhere(requestOf(ctx).principal, auth.Create, kind).Err()
}

type detectInput struct {
	DigestInput
	Body struct {
		Name    string            `json:"name,omitempty" doc:"The name to fall back to, such as the folder's."`
		Origin  *detect.Origin    `json:"origin,omitempty"`
		Answers map[string]string `json:"answers,omitempty"`
	}
}

type detectOutput struct{ Body detect.Result }

type upInput struct {
	DryRun bool `query:"dryRun"`
	Body   struct {
		Spec   delivery.ReleaseSpec `json:"spec"`
		Team   string               `json:"team,omitempty" doc:"The owning team, when it is not to be inferred."`
		Reason string               `json:"reason,omitempty" maxLength:"500"`
	}
}

type cancelInput struct {
	NameInput
	Body *struct { // a pointer, since why need not be said
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

type releaseOutput struct{ Body delivery.Release }

// watchRelease streams until the release is final. The status in the store is
// the truth: it is read after every hint, and once a second in case the work is
// done by another replica.
func (a *api) watchRelease(ctx context.Context, in *NameInput) (*huma.StreamResponse, error) {
	_, refused, err := a.printing(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	lines := refused == nil
	return stream(func(ctx context.Context, s *sse) error {
		hints, stop := a.Delivery.Watch(in.Name)
		defer stop()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		var seen int64
		for {
			doc, err := a.Store.Get(ctx, "Release", in.Name)
			if err != nil {
				return err
			}
			if doc.Version != seen {
				seen = doc.Version
				if err := s.send("release", doc.Bytes); err != nil {
					return err
				}
				var rel delivery.Release
				if err := rel.Load(doc.Bytes); err != nil || rel.Status.Phase.Final() {
					return err
				}
			}
			if err := a.relay(ctx, s, hints, tick.C, lines); err != nil {
				return err
			}
		}
	}), nil
}

// relay sends lines, to who may read logs, until there is reason to read the
// status again.
func (a *api) relay(ctx context.Context, s *sse, hints <-chan progress.Change, tick <-chan time.Time, lines bool) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick:
			return s.ping()
		case hint := <-hints:
			if hint.Status {
				return nil
			}
			if !lines {
				continue
			}
			line, err := json.Marshal(map[string]string{"step": hint.Step, "line": hint.Line})
			if err != nil {
				return err
			}
			if err := s.send("line", line); err != nil {
				return err
			}
		}
	}
}

func (a *api) readsKind(ctx context.Context, name string) error {
	kind, ok := a.Pipe.Kinds().ByName(name)
	if !ok {
		return problem.New(problem.NotFound, "there is no kind %s", name)
	}
	return a.reads(ctx, auth.Read, kind, "")
}
