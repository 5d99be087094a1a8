package verify

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/runtime"
)

func TestAgainst(t *testing.T) {
	health := detect.Setting{Field: "health", Value: "/healthz", Source: "main.go:8", Confidence: 0.9}
	port := detect.Setting{Field: "port", Value: "8080", Source: "main.go:9", Confidence: 0.9}
	variable := detect.Setting{Field: "portVariable", Value: "PORT", Source: "main.go:9", Confidence: 0.9}
	verified := func(s detect.Setting, by string) detect.Setting { s.Verified = by; return s }
	refuted := func(s detect.Setting, by string) detect.Setting { s.Refuted = by; return s }
	seen := func(field, value, by string) detect.Setting {
		return detect.Setting{Field: field, Value: value, Source: "observed", Confidence: 1, Verified: by}
	}
	for what, c := range map[string]struct {
		detected []detect.Setting
		observed runtime.Observed
		want     []detect.Setting
	}{
		"a path that answers":           {[]detect.Setting{health}, runtime.Observed{Health: "/healthz", HealthStatus: 200, HealthMillis: 7}, []detect.Setting{verified(health, "GET /healthz answered 200 in 7 ms")}},
		"one that answers in no time":   {[]detect.Setting{health}, runtime.Observed{Health: "/healthz", HealthStatus: 200}, []detect.Setting{verified(health, "GET /healthz answered 200 in <1 ms")}},
		"one that is missing":           {[]detect.Setting{health}, runtime.Observed{Health: "/", HealthStatus: 404, HintStatus: 404}, []detect.Setting{refuted(health, "GET /healthz answered 404")}},
		"another one answers":           {[]detect.Setting{health}, runtime.Observed{Health: "/up", HealthStatus: 204, HintStatus: 404, HealthMillis: 1}, []detect.Setting{seen("health", "/up", "GET /up answered 204 in 1 ms")}},
		"none was detected":             {nil, runtime.Observed{Health: "/up", HealthStatus: 200, HealthMillis: 1}, []detect.Setting{seen("health", "/up", "GET /up answered 200 in 1 ms")}},
		"none was detected nor is any":  {nil, runtime.Observed{Health: "/", HealthStatus: 404}, nil},
		"only a connection is accepted": {[]detect.Setting{health}, runtime.Observed{}, []detect.Setting{health}},
		"a port that is bound":          {[]detect.Setting{port}, runtime.Observed{Port: 8080, FixedPort: true}, []detect.Setting{verified(port, "bound :8080")}},
		"another port is bound":         {[]detect.Setting{port}, runtime.Observed{Port: 3000, FixedPort: true}, []detect.Setting{refuted(port, "bound :3000")}},
		"a variable that is heeded":     {[]detect.Setting{port, variable}, runtime.Observed{Port: 41873}, []detect.Setting{port, verified(variable, "bound :41873")}},
		"a variable that is ignored":    {[]detect.Setting{port, variable}, runtime.Observed{Port: 8080, FixedPort: true}, []detect.Setting{verified(port, "bound :8080"), refuted(variable, "bound :8080 whatever it says")}},
		"no port was detected":          {nil, runtime.Observed{Port: 41873}, []detect.Setting{seen("port", "41873", "bound :41873")}},
	} {
		if diff := cmp.Diff(c.want, Against(c.detected, c.observed)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", what, diff)
		}
	}
}

// A service that does not come up is not tried again, but for what may pass.

func TestMessage(t *testing.T) {
	for want, o := range map[string]runtime.Observed{
		"GET /healthz 200 in 2 ms":                {Port: 80, Health: "/healthz", HealthStatus: 200, HealthMillis: 2},
		"answers HTTP, GET /healthz 404 in <1 ms": {Port: 80, Health: "/healthz", HealthStatus: 404},
		"accepts connections on :80":              {Port: 80},
		"stays up":                                {},
	} {
		if got := Message(o); got != want {
			t.Errorf("%+v: %q, want %q", o, got, want)
		}
	}
}
