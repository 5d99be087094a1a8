package app

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/route"
)

// oneService is a reader that knows one service or fails.
type oneService struct {
	object.Reader
	service catalog.Service
	err     error
}

func (r oneService) Get(_ context.Context, _, name string) (object.Document, error) {
	if r.err != nil {
		return object.Document{}, r.err
	}
	if name != r.service.Metadata.Name {
		return object.Document{}, problem.New(problem.NotFound, "no %s", name)
	}
	o, err := r.service.Object()
	if err != nil {
		return object.Document{}, err
	}
	raw, err := json.Marshal(o)
	return object.Document{Kind: o.Kind, Name: name, Bytes: raw}, err
}

// Whoever asks for a service that does not answer is told its state, and of one that
// is not there that it is not.
func TestAbsent(t *testing.T) {
	declared := catalog.ServiceSpec{Environments: map[string]catalog.Running{"dev": {Replicas: 1}}}
	for name, c := range map[string]struct {
		spec   catalog.ServiceSpec
		dev    *catalog.Deployment
		err    error
		asked  string
		in     string
		answer string
		next   string
		again  bool
	}{
		"no such service":     {spec: declared, asked: "other"},
		"not there":           {spec: declared, in: "production"},
		"declared":            {spec: declared, answer: "no release has come to it yet", again: true},
		"failed at first":     {spec: declared, dev: &catalog.Deployment{State: catalog.StateFailed, Failed: "shop-1", Message: "panic: secret"}, answer: "its first release failed", next: "stoa describe release shop-1"},
		"failed":              {spec: declared, dev: &catalog.Deployment{Release: "shop-1", State: catalog.StateFailed, Message: "panic: secret"}, answer: "it is failed", again: true},
		"stopped":             {spec: declared, dev: &catalog.Deployment{Release: "shop-1", State: catalog.StateStopped}, answer: "it is stopped", next: "stoa scale shop --replicas 1 --env dev"},
		"on its way":          {spec: declared, dev: &catalog.Deployment{Release: "shop-1", State: catalog.StateRunning}, answer: "its instances start, or are replaced", again: true},
		"nobody can tell":     {spec: declared, err: errors.New("disk I/O error"), answer: "its state cannot be read now", again: true},
		"released undeclared": {dev: &catalog.Deployment{Release: "shop-1", State: catalog.StateStopped}, answer: "it is stopped", next: "stoa scale shop --replicas 1 --env dev"},
	} {
		t.Run(name, func(t *testing.T) {
			s := object.New[catalog.ServiceSpec, catalog.ServiceStatus]("shop", "red", c.spec)
			if c.dev != nil {
				s.Status.Environments = map[string]catalog.Deployment{"dev": *c.dev}
			}
			asked, in := "shop", "dev"
			if c.asked != "" {
				asked = c.asked
			}
			if c.in != "" {
				in = c.in
			}
			if got, want := absent(t.Context(), oneService{service: s, err: c.err}, asked, in), (route.Absence{Why: c.answer, Next: c.next, Passing: c.again}); got != want {
				t.Errorf("told %+v, want %+v", got, want)
			}
		})
	}
}
