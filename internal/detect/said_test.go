package detect

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// What is shown of a setting, said as an override, is taken and changes nothing:
// each by itself, and all of them.
func TestOverrideByWhatIsShown(t *testing.T) {
	evidence := cmpopts.IgnoreFields(Setting{}, "Source", "Confidence")
	seen := map[string]int{}
	for name, result := range detected(t) {
		for _, c := range result.Components {
			var all Overrides
			for _, field := range Overridable {
				shown, ok := c.Setting(field)
				if !ok {
					continue
				}
				seen[field]++
				var one Overrides
				*one.Field(field), *all.Field(field) = shown.Value, shown.Value
				if wrong := one.Wrong(); len(wrong) > 0 {
					t.Errorf("%s: %s of %s is shown as %q and refused: %v", name, field, c.Name, shown.Value, wrong)
				}
				got := c
				got.Override(one)
				if field == "port" && c.PortVariable != "" {
					if got.PortVariable != "" || got.Port != c.Port {
						t.Errorf("%s: port %s of %s is said, and it listens on %d or $%s", name, shown.Value, c.Name, got.Port, got.PortVariable)
					}
					continue
				}
				if diff := cmp.Diff(c, got, evidence); diff != "" {
					t.Errorf("%s: %s of %s (-detected +said again)\n%s", name, field, c.Name, diff)
				}
			}
			got := c
			got.Override(all)
			if diff := cmp.Diff(c, got, evidence); diff != "" {
				t.Errorf("%s: all of %s (-detected +said again)\n%s", name, c.Name, diff)
			}
		}
	}
	for _, field := range Overridable {
		if seen[field] == 0 {
			t.Errorf("no case of testdata has a %s", field)
		}
	}
}

func TestOverride(t *testing.T) {
	bundle, static := Artifact{Kind: ArtifactBundle, Path: "."}, Artifact{Kind: ArtifactStatic, Path: "svc/out"}
	handed := map[string]string{"ADDR": ":$PORT"}
	backend := Component{
		Dir: "apps/svc", Root: "apps", Artifact: bundle, Port: 80, PortVariable: "PORT", Health: "/healthz", Start: Command{Argv: []string{"app"}, Env: handed, Dir: "svc"},
		Settings: []Setting{{Field: "language", Value: "node"}, {Field: "start", Value: "app"}, {Field: "port", Value: "80"}, {Field: "portVariable", Value: "PORT"}, {Field: "health", Value: "/healthz"}},
	}
	site := Component{
		Dir: "apps/svc", Root: "apps", Artifact: static, Output: "out", Fallback: true,
		Settings: []Setting{{Field: "output", Value: "out"}},
	}
	compiled := Component{Dir: "apps/svc", Root: "apps", Artifact: Artifact{Kind: ArtifactBinary}, Start: Command{Argv: []string{"$STOA_OUT"}}}
	for _, test := range []struct {
		of     Component
		said   Overrides
		check  func(c Component) bool
		fields string
	}{
		{backend, Overrides{Port: "8081"}, func(c Component) bool { return c.Port == 8081 && c.PortVariable == "" }, "language start port health"},
		{backend, Overrides{PortVariable: "LISTEN"}, func(c Component) bool { return c.PortVariable == "LISTEN" && c.Port == 80 }, "language start port portVariable health"},
		{backend, Overrides{Port: "8081", PortVariable: "LISTEN"}, func(c Component) bool { return c.Port == 8081 && c.PortVariable == "LISTEN" }, "language start port health portVariable"},
		{backend, Overrides{Health: "/up"}, func(c Component) bool { return c.Health == "/up" }, "language start port portVariable health"},
		{backend, Overrides{Start: "./run --now"}, func(c Component) bool {
			return cmp.Equal(c.Start, Command{Shell: "./run --now", Dir: "svc", Env: handed}) && c.Artifact.Kind == ArtifactBundle
		}, "language start port portVariable health"},
		{backend, Overrides{Output: "dist"}, func(c Component) bool {
			return c.Output == "dist" && c.Start.IsZero() && cmp.Equal(c.Artifact, Artifact{Kind: ArtifactStatic, Path: "svc/dist"})
		}, "language port portVariable health output"},
		{site, Overrides{Output: "www"}, func(c Component) bool {
			return c.Artifact.Path == "svc/www" && c.Fallback
		}, "output"},
		{site, Overrides{Start: "node server.js"}, func(c Component) bool {
			return cmp.Equal(c.Artifact, bundle) && c.Output == "" && !c.Fallback && c.Start.Dir == "svc"
		}, "start"},
		{compiled, Overrides{Start: `"$STOA_OUT" serve`}, func(c Component) bool {
			return c.Start.Shell == `"$STOA_OUT" serve` && c.Start.Dir == "" && c.Artifact.Kind == ArtifactBinary
		}, "start"},
	} {
		c := test.of
		c.Override(test.said)
		var fields []string
		for _, s := range c.Settings {
			fields = append(fields, s.Field)
			if said := test.said.Of(s.Field); said != "" && s != (Setting{Field: s.Field, Value: said, Source: "override", Confidence: 1}) {
				t.Errorf("%+v: the evidence is %+v", test.said, s)
			}
		}
		if !test.check(c) || strings.Join(fields, " ") != test.fields {
			t.Errorf("%+v gives %+v", test.said, c)
		}
	}
}

func TestOverridesThatCannotBe(t *testing.T) {
	for said, want := range map[Overrides]string{
		{}: "", {Port: "8080", PortVariable: "PORT", Health: "/up?full=1", Start: "x"}: "", {Output: "."}: "",
		{Port: "eighty"}: "port", {Port: "0"}: "port", {Port: "65536"}: "port", {PortVariable: "$PORT"}: "portVariable",
		{Health: "up"}: "health", {Health: "/a b"}: "health", {Health: "/\r\nX-A: b"}: "health",
		{Output: "/srv"}: "output", {Output: ".."}: "output", {Output: "a/../../b"}: "output",
		{Port: "+8080"}: "port", {Port: "08080"}: "port", {Start: " \t"}: "start", {Start: "a\x00b"}: "start", {Output: "a\x00b"}: "output",
		{Start: "x", Output: "."}: "output", {Port: "x", Output: "/"}: "port output",
	} {
		var got []string
		for _, f := range said.Wrong() {
			got = append(got, f.Path)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%+v: wrong is %v, want %s", said, got, want)
		}
	}
	if new(Overrides).Field("colour") != nil {
		t.Error("a colour can be overridden")
	}
}
