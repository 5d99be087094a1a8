package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Release is one artifact of a service, brought to one environment.
type Release = delivery.Release

// ReleaseSpec is what a release is of.
type ReleaseSpec = delivery.ReleaseSpec

// Service is a piece of software that a team answers for.
type Service = catalog.Service

// Origin is what a client knows of a source's Git checkout.
type Origin = detect.Origin

// Detection is what a source turned out to be.
type Detection = detect.Result

// Upload sends the snapshot of a source unless the platform has it already;
// write writes its archive and is called at most once.
func (c *Client) Upload(ctx context.Context, digest string, write func(io.Writer) error) error {
	path := "/api/v1/sources/" + digest
	err := c.do(ctx, http.MethodHead, path, nil, nil, nil)
	if !problem.Is(err, problem.NotFound) {
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(write(w)) }()
	defer r.Close()
	return c.send(ctx, http.MethodPut, path, nil, "application/x-tar+zstd", r, nil)
}

// Detect tells what an uploaded source is.
func (c *Client) Detect(ctx context.Context, digest, name string, origin *Origin) (Detection, error) {
	var result Detection
	in := map[string]any{"name": name}
	if origin != nil {
		in["origin"] = origin
	}
	err := c.do(ctx, http.MethodPost, "/api/v1/sources/"+digest+"/detect", nil, in, &result)
	return result, err
}

// Release admits a release; the platform then carries it out, see Watch.
func (c *Client) Release(ctx context.Context, spec ReleaseSpec, team, reason string, dryRun bool) (Release, error) {
	v := url.Values{}
	if dryRun {
		v.Set("dryRun", "true")
	}
	in := map[string]any{"spec": spec}
	if team != "" {
		in["team"] = team
	}
	if reason != "" {
		in["reason"] = reason
	}
	var rel Release
	err := c.do(ctx, http.MethodPost, "/api/v1/releases", v, in, &rel)
	return rel, err
}

// Line is a line of output of a step.
type Line struct {
	Step string `json:"step"`
	Line string `json:"line"`
}

// Watch follows a release until it has succeeded or failed and returns it as
// it is then. changed and line may be nil. A connection that breaks off is
// taken up again.
func (c *Client) Watch(ctx context.Context, name string, changed func(Release), line func(Line)) (Release, error) {
	var latest Release
	for {
		err := c.events(ctx, "/api/v1/releases/"+url.PathEscape(name)+"/progress", nil, func(event string, data []byte) error {
			switch event {
			case "release":
				if err := json.Unmarshal(data, &latest); err != nil {
					return err
				}
				if changed != nil {
					changed(latest)
				}
			case "line":
				var l Line
				if err := json.Unmarshal(data, &l); err != nil {
					return err
				}
				if line != nil {
					line(l)
				}
			}
			return nil
		})
		if latest.Status.Phase.Final() {
			return latest, nil
		}
		if err := c.again(ctx, err); err != nil {
			return latest, err
		}
	}
}

// Rollback releases an earlier artifact again; to "" is the one before.
func (c *Client) Rollback(ctx context.Context, service, env, to, reason string) (Release, error) {
	var rel Release
	err := c.verb(ctx, service, "rollback", map[string]any{"environment": env, "to": to, "reason": reason}, &rel)
	return rel, err
}

// Promote releases the artifact of one environment to another.
func (c *Client) Promote(ctx context.Context, service, from, to, reason string) (Release, error) {
	var rel Release
	err := c.verb(ctx, service, "promote", map[string]any{"from": from, "to": to, "reason": reason}, &rel)
	return rel, err
}

// Scale sets the number of instances; 0 stops the service in the environment.
func (c *Client) Scale(ctx context.Context, service, env string, replicas int, reason string) (Service, error) {
	var s Service
	err := c.verb(ctx, service, "scale", map[string]any{"environment": env, "replicas": replicas, "reason": reason}, &s)
	return s, err
}

// Restart replaces all instances without a lost request.
func (c *Client) Restart(ctx context.Context, service, env, reason string) (Service, error) {
	var s Service
	err := c.verb(ctx, service, "restart", map[string]any{"environment": env, "reason": reason}, &s)
	return s, err
}

func (c *Client) verb(ctx context.Context, service, verb string, in map[string]any, out any) error {
	for k, v := range in {
		if v == "" {
			delete(in, k)
		}
	}
	return c.do(ctx, http.MethodPost, "/api/v1/services/"+url.PathEscape(service)+"/"+verb, nil, in, out)
}
