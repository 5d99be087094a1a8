package portal

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/secret"
)

func (p *Portal) detected(v *visit) error { return p.showDetected(v, nil) }

func (p *Portal) showDetected(v *visit, refused *problem.Problem) error {
	head, s, _, err := p.subjectOf(v, "detected", "Detected settings of ")
	if err != nil {
		return err
	}
	show := page.Detected{Subject: head, Same: page.Command{Text: "stoa detect . -o json", Says: "The same for a folder, without a platform"}}
	releases, _, err := p.releases(v.Context(), head.Name, head.Environment, "", 1)
	if err != nil {
		return err
	}
	switch {
	case len(releases) > 0:
		rel := releases[0]
		show.From = rel.Metadata.Name
		show.Settings = settings(rel.Status.Detected, s)
	case s.Spec.OwnerSource != "": // known without a release, and to be confirmed
		show.Settings = settings([]detect.Setting{{Field: "owner", Value: s.Metadata.Owner, Source: s.Spec.OwnerSource, Confidence: detect.Unconfirmed}}, s)
	}
	status := 200
	if refused != nil {
		show.Problem, show.Field, show.Typed, status = refused, v.PostFormValue("field"), v.PostFormValue("value"), statuses[refused.Kind]
	}
	return p.render(v, status, page.DetectedPage(show))
}

// settings joins what was detected with what people said of it since; the owner
// comes first, since it decides most.
func settings(detected []detect.Setting, s catalog.Service) []page.Setting {
	var all []page.Setting
	for _, d := range detected {
		row := page.Setting{Field: d.Field, Value: d.Value, Source: d.Source, Verified: d.Verified, Refuted: d.Refuted,
			Number: strconv.FormatFloat(d.Confidence, 'f', 1, 64), Override: s.Spec.Overrides.Of(d.Field), Overridable: slices.Contains(detect.Overridable, d.Field)}
		row.State, row.Confidence = confidence(d)
		confirmed := slices.Contains(s.Spec.Confirmed, d.Field)
		switch {
		case d.Field == "owner":
			row.Value, row.Confirmable = s.Metadata.Owner, s.Spec.OwnerSource != ""
			if row.Confirmable {
				row.State, row.Source = page.State{Level: page.Warn, Word: "unconfirmed"}, s.Spec.OwnerSource
			} else {
				row.State, row.Number, row.Confidence = page.State{Level: page.Good, Word: "confirmed"}, "", "by a person"
			}
		case row.Override != "" && row.Override != d.Value:
			row.State, row.Number, row.Confidence = page.State{Level: page.Busy, Word: "overridden"}, "", "by "+detect.Brief(row.Override)+" from the next release on"
		case row.Override != "":
			row.State, row.Number, row.Confidence = page.State{Level: page.Good, Word: "overridden"}, "", "by a person"
		case confirmed:
			row.State, row.Number, row.Confidence = page.State{Level: page.Good, Word: "confirmed"}, "", "by a person"
		default:
			row.Confirmable = guessed(d, s)
		}
		all = append(all, row)
	}
	for _, field := range detect.Overridable { // what is said of a setting that no release has can be taken back
		said := s.Spec.Overrides.Of(field)
		if said != "" && !slices.ContainsFunc(all, func(row page.Setting) bool { return row.Field == field }) {
			all = append(all, page.Setting{Field: field, Value: said, Override: said, Overridable: true,
				State: page.State{Level: page.Busy, Word: "overridden"}, Confidence: "by a person; the release has no such setting"})
		}
	}
	slices.SortStableFunc(all, func(a, b page.Setting) int { return rank(a) - rank(b) })
	return all
}

func rank(s page.Setting) int {
	switch {
	case s.Field == "owner":
		return 0
	case s.Confirmable || s.Refuted != "":
		return 1
	case s.Verified != "":
		return 2
	}
	return 3
}

// confidence puts the scale of package detect into words.
func confidence(d detect.Setting) (page.State, string) {
	switch {
	case d.Refuted != "":
		return page.State{Level: page.Warn, Word: "refuted"}, wordOf(d.Confidence)
	case d.Verified != "":
		return page.State{Level: page.Good, Word: "verified"}, wordOf(d.Confidence)
	case d.Confidence < detect.Unconfirmed:
		return page.State{Level: page.Warn, Word: "unconfirmed"}, "a guess"
	default:
		return page.State{Level: page.Unknown, Word: wordOf(d.Confidence)}, ""
	}
}

func wordOf(c float64) string {
	switch {
	case c >= 1:
		return "stated"
	case c >= 0.9:
		return "read from the code"
	case c >= 0.7:
		return "by convention"
	case c >= detect.Unconfirmed:
		return "likely"
	default:
		return "a guess"
	}
}

// decide keeps what a person says of a setting.
func (p *Portal) decide(v *visit) error {
	s, err := p.get(v.Context(), v.PathValue("name"))
	if err != nil {
		return err
	}
	field, value := v.PostFormValue("field"), strings.TrimSpace(v.PostFormValue("value"))
	done := map[string]string{"confirm": "confirmed", "override": "overridden", "remove": "removed"}[v.PostFormValue("do")]
	if done == "" || field == "" {
		return problem.New(problem.Invalid, "the form says neither to confirm nor to override anything")
	}
	_, err = p.Verbs.Change(v.Context(), v.by("catalog", v.PostFormValue("do")+" "+field), s.Metadata.Name, func(s *catalog.Service) error {
		switch done {
		case "confirmed":
			confirm(s, field)
		case "overridden":
			return override(s, field, value)
		case "removed":
			if said := s.Spec.Overrides.Field(field); said != nil {
				*said = ""
			}
		}
		return nil
	})
	if err != nil {
		return p.showDetected(v, p.told(v, err))
	}
	v.use.Capability = "catalog"
	v.of(s.Metadata.Owner, s.Metadata.Name, v.PostFormValue("env"))
	return v.go303(page.Link("/services/"+s.Metadata.Name+"/detected", "env", v.PostFormValue("env"), "done", done) + "#" + field)
}

func confirm(s *catalog.Service, field string) {
	if field == "owner" {
		s.Spec.OwnerSource = ""
		return
	}
	if !slices.Contains(s.Spec.Confirmed, field) {
		s.Spec.Confirmed = append(slices.Clone(s.Spec.Confirmed), field)
	}
}

// override keeps what a person says of a field; whether it can be that is for the
// catalog to say.
func override(s *catalog.Service, field, value string) error {
	said, wrong := s.Spec.Overrides.Field(field), ""
	switch {
	case said == nil:
		wrong = "cannot be overridden; what can: " + strings.Join(detect.Overridable, ", ")
	case value == "":
		wrong = "must not be empty"
	default:
		*said = value
		return nil
	}
	return problem.New(problem.Invalid, "%s cannot be %q", field, value).WithFields(problem.Field{Path: field, Message: wrong})
}

func (p *Portal) settings(v *visit) error { return p.showSettings(v, nil) }

func (p *Portal) showSettings(v *visit, refused *problem.Problem) error {
	head, s, _, err := p.subjectOf(v, "settings", "Settings of ")
	if err != nil {
		return err
	}
	env := head.Environment
	running := s.Spec.Environments[env]
	show := page.Settings{Subject: head, Same: page.Command{Text: "stoa describe service " + head.Name, Says: "The same on the command line"}}
	for _, key := range slices.Sorted(maps.Keys(running.Env)) {
		show.Plain = append(show.Plain, page.Pair{Name: key, Value: running.Env[key]})
	}
	for _, name := range running.Secrets {
		kept, err := object.Get[secret.Secret](v.Context(), p.Objects, name)
		if err != nil && !problem.Is(err, problem.NotFound) {
			return err
		}
		keys := page.SecretKeys{Name: name}
		for _, key := range kept.Spec.Keys {
			keys.Keys = append(keys.Keys, page.SecretKey{Name: key, Updated: kept.Status.Keys[key].Updated, Version: kept.Status.Keys[key].Version})
		}
		show.Secrets = append(show.Secrets, keys)
	}
	show.Resources = resources(running, s.Status.Environments[env])
	status := 200
	if refused != nil {
		show.Problem, show.Key, show.Value, status = refused, v.PostFormValue("key"), v.PostFormValue("value"), statuses[refused.Kind]
	}
	return p.render(v, status, page.SettingsPage(show))
}

func resources(r catalog.Running, at catalog.Deployment) []page.Pair {
	memory, cpu := r.Memory, r.CPU
	if memory == "" {
		memory = "none asked; counted as " + catalog.DefaultMemory
	}
	if cpu == "" {
		cpu = "none asked"
	}
	pairs := []page.Pair{{Name: "Instances", Value: strconv.Itoa(r.Replicas)}, {Name: "Memory", Value: memory}, {Name: "CPU", Value: cpu}}
	for _, note := range at.Notes {
		pairs = append(pairs, page.Pair{Name: "Note", Value: note})
	}
	return pairs
}

// change sets or removes a plain setting.
func (p *Portal) change(v *visit) error {
	s, err := p.get(v.Context(), v.PathValue("name"))
	if err != nil {
		return err
	}
	env, key, value := v.PostFormValue("env"), strings.TrimSpace(v.PostFormValue("key")), v.PostFormValue("value")
	unset := v.PostFormValue("do") == "unset"
	if key == "" {
		return p.showSettings(v, problem.New(problem.Invalid, "a setting needs a name").WithFields(problem.Field{Path: "key", Message: "is missing"}))
	}
	done, reason := "set", "set "+key
	if unset {
		done, reason = "unset", "remove "+key
	}
	_, err = p.Verbs.Run(v.Context(), v.by("catalog", reason), s.Metadata.Name, env, func(r *catalog.Running) {
		r.Env = maps.Clone(r.Env)
		if unset {
			delete(r.Env, key)
			return
		}
		if r.Env == nil {
			r.Env = map[string]string{}
		}
		r.Env[key] = value
	})
	if err != nil {
		return p.showSettings(v, p.told(v, err))
	}
	v.use.Capability = "catalog"
	v.of(s.Metadata.Owner, s.Metadata.Name, env)
	return v.go303(page.Link("/services/"+s.Metadata.Name+"/settings", "env", env, "done", done))
}

// gates shows what the rules said of the newest release, and the quota.
func (p *Portal) gates(v *visit) error {
	head, s, _, err := p.subjectOf(v, "gates", "Gates of ")
	if err != nil {
		return err
	}
	show := page.Gates{Subject: head, Same: page.Command{Text: "stoa get policies", Says: "All policies on the command line"}}
	var releases []delivery.Release
	if releases, _, err = p.releases(v.Context(), head.Name, head.Environment, "", 1); err != nil {
		return err
	}
	if len(releases) > 0 {
		show.Release, show.Verdicts = releases[0].Metadata.Name, releases[0].Status.Gates
	}
	if show.Quota, err = p.quota(v.Context(), s.Metadata.Owner); err != nil {
		return err
	}
	return p.render(v, 200, page.GatesPage(show))
}
