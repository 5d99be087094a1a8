package portal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/portal/release"
	"github.com/stoa-platform/stoa/internal/problem"
)

// An action is one way to change how a service runs: prepare fills in the form
// and what it says it will do, act does it and gives the address to go on to.
type action struct {
	verb, heading, button string
	prepare               func(v *visit, show *page.Action, s catalog.Service) error
	act                   func(v *visit, s catalog.Service, env string) (to string, err error)
}

func (p *Portal) actions() []action {
	return []action{
		{"rollback", "Roll back", "Roll back", p.prepareRollback, p.rollback},
		{"cancel", "Cancel a release of", "Cancel the release", p.prepareCancel, p.cancel},
		{"promote", "Promote", "Promote", p.preparePromote, p.promote},
		{"scale", "Scale", "Change the number", p.prepareScale, p.scale},
		{"restart", "Restart", "Restart all instances", p.prepareRestart, p.restart},
	}
}

// form shows an action.
func (p *Portal) form(a action) serve {
	return func(v *visit) error { return p.showAction(v, a, nil) }
}

// do carries an action out. When it is refused the form is shown again with what
// was typed and why.
func (p *Portal) do(a action) serve {
	return func(v *visit) error {
		s, err := p.get(v.Context(), v.PathValue("name"))
		if err != nil {
			return err
		}
		to, err := a.act(v, s, v.PostFormValue("env"))
		if err != nil {
			told := p.told(v, err)
			return p.showAction(v, a, told)
		}
		v.use.Capability = "deploy"
		v.of(s.Metadata.Owner, s.Metadata.Name, v.PostFormValue("env"))
		return v.go303(to)
	}
}

func (p *Portal) showAction(v *visit, a action, refused *problem.Problem) error {
	head, s, _, err := p.subjectOf(v, "", a.heading+" ")
	if err != nil {
		return err
	}
	if head.Environment == "" {
		return problem.New(problem.Invalid, "service %s was never released", head.Name).
			Do("stoa up --name " + head.Name)
	}
	show := page.Action{Subject: head, Verb: a.verb, Heading: a.heading + " " + head.Name + " in " + head.Environment,
		Button: a.button, Reason: v.FormValue("reason")}
	if err := a.prepare(v, &show, s); err != nil {
		return err
	}
	status := 200
	if refused != nil {
		show.Problem, status = refused, statuses[refused.Kind]
	}
	return p.render(v, status, page.ActionPage(show))
}

// rollbackChoices is how many earlier releases one can choose from.
const rollbackChoices = 10

func (p *Portal) prepareRollback(v *visit, show *page.Action, s catalog.Service) error {
	ctx, env := v.Context(), show.Environment
	serving := s.Status.Environments[env].Release
	releases, _, err := p.releases(ctx, s.Metadata.Name, env, "", 100)
	if err != nil {
		return err
	}
	var present delivery.Release
	if serving != "" {
		if present, err = object.Get[delivery.Release](ctx, p.Objects, serving); err != nil {
			return err
		}
	}
	var names []string
	for _, rel := range releases {
		names = append(names, rel.Metadata.Name)
	}
	made, known, err := p.authors(ctx, "Release", names[:min(len(names), 50)])
	if err != nil {
		return err
	}
	wanted := v.FormValue("to")
	for _, rel := range releases {
		if rel.Metadata.Name == serving || rel.Status.Phase != delivery.Succeeded || len(show.Picks) == rollbackChoices {
			continue
		}
		line := released(rel, made, known)
		says := page.Ago(p.Clock(), line.At) + " by " + line.By
		if text := subject(rel); text != "" {
			says += " · " + text
		}
		show.Picks = append(show.Picks, page.Pick{
			Value: rel.Metadata.Name, Label: rel.Metadata.Name, Says: says, Differs: differs(present, rel), Selected: rel.Metadata.Name == wanted,
		})
	}
	if len(show.Picks) == 0 {
		show.Impossible = "There is no other release here that has succeeded, so there is nothing to go back to."
		return nil
	}
	wanted = preselect(show.Picks)
	show.PickName, show.PickLabel = "to", "Go back to"
	show.Does = []string{
		"The very artifact of the chosen release is released again, as a new release; nothing is built.",
		"The gates are asked again.",
		"New instances start beside the present ones and must answer before any request goes to them.",
		"Only then " + cmp.Or(serving, "what runs") + " stops. If they do not answer, it goes on serving.",
	}
	show.Same = page.Command{Says: "The same on the command line", Text: "stoa rollback " + show.Name + " --env " + env + " --to " + wanted}
	return nil
}

// differs says in a line how a release differs from the present one.
func differs(present, rel delivery.Release) string {
	if present.Metadata.Name == "" {
		return ""
	}
	if rel.Status.Artifact == present.Status.Artifact {
		if !delivery.SameSettings(rel, present) {
			return "the same artifact as now, with other settings"
		}
		return "the same artifact as now"
	}
	var fields []string
	for _, d := range release.Compare(present, rel) {
		fields = append(fields, d.Field)
	}
	if len(fields) == 0 {
		return "another artifact; no setting differs"
	}
	more := ""
	if len(fields) > 5 {
		more = fmt.Sprintf(" and %d more", len(fields)-5)
		fields = fields[:5]
	}
	return "another artifact; differs in " + strings.Join(fields, ", ") + more
}

func (p *Portal) rollback(v *visit, s catalog.Service, env string) (string, error) {
	to, err := picked(v, "to", "choose the release to go back to")
	if err != nil {
		return "", err
	}
	rel, err := p.Verbs.Rollback(v.Context(), v.by("deploy", v.PostFormValue("reason")), s.Metadata.Name, env, to)
	return "/releases/" + rel.Metadata.Name, err
}

func (p *Portal) prepareCancel(v *visit, show *page.Action, s catalog.Service) error {
	all, err := delivery.OnTheWay(v.Context(), p.Objects, s.Metadata.Name)
	if err != nil {
		return err
	}
	wanted := v.FormValue("release")
	for _, rel := range all {
		if rel.Spec.Environment != show.Environment {
			continue
		}
		name, at := rel.Metadata.Name, rel.Status.Current()
		show.Picks = append(show.Picks, page.Pick{Value: name, Label: name, Says: strings.TrimSuffix("at "+at.Name+", "+at.Message, ", "), Selected: name == wanted})
	}
	if len(show.Picks) == 0 {
		show.Impossible = "No release is on its way to " + show.Environment + ", so there is nothing to cancel."
		return nil
	}
	wanted = preselect(show.Picks)
	show.PickName, show.PickLabel = "release", "Cancel"
	show.Does = []string{
		"What is being built of it, or comes up of it, ends.",
		cmp.Or(s.Status.Environments[show.Environment].Release, "What serves") + " goes on; a release that waits behind it takes its turn.",
		"The release stays in the history, as cancelled. The same source can be released again.",
	}
	show.Same = page.Command{Says: "The same on the command line", Text: "stoa cancel " + show.Name + " --release " + wanted}
	return nil
}

func (p *Portal) cancel(v *visit, s catalog.Service, _ string) (string, error) {
	name, err := picked(v, "release", "choose the release to cancel")
	if err != nil {
		return "", err
	}
	rel, err := object.Get[delivery.Release](v.Context(), p.Objects, name)
	if err == nil && rel.Spec.Service != s.Metadata.Name {
		err = problem.New(problem.Invalid, "release %s is of service %s", name, rel.Spec.Service).WithFields(problem.Field{Path: "release", Message: "is of another service"})
	}
	if err != nil {
		return "", err
	}
	_, err = p.Verbs.Cancel(v.Context(), v.by("deploy", v.PostFormValue("reason")), name)
	return "/releases/" + name, err
}

func (p *Portal) preparePromote(v *visit, show *page.Action, s catalog.Service) error {
	all, err := p.namesOf(v.Context(), "Environment")
	if err != nil {
		return err
	}
	serving := s.Status.Environments[show.Environment].Release
	if serving == "" {
		show.Impossible = "No release serves in " + show.Environment + ", so there is nothing to promote."
		return nil
	}
	wanted := v.FormValue("to")
	for _, env := range all {
		if env == show.Environment {
			continue
		}
		says := "it is not there yet"
		switch there := s.Status.Environments[env]; {
		case there.Release != "" && there.State == catalog.StateStopped:
			says = there.Release + " is stopped there"
		case there.Release != "":
			says = there.Release + " serves there now"
		}
		show.Picks = append(show.Picks, page.Pick{Value: env, Label: env, Says: says, Selected: env == wanted})
	}
	if len(show.Picks) == 0 {
		show.Impossible = "There is no other environment."
		return nil
	}
	wanted = preselect(show.Picks)
	show.PickName, show.PickLabel = "to", "Promote "+serving+" to"
	show.Does = []string{
		"The very artifact of " + serving + ", the same digest, is released there; nothing is built.",
		"The gates of that environment are asked.",
		"It must answer before any request goes to it; what serves there now goes on until then.",
	}
	show.Same = page.Command{Says: "The same on the command line", Text: "stoa promote " + show.Name + " --from " + show.Environment + " --to " + wanted}
	return nil
}

func (p *Portal) promote(v *visit, s catalog.Service, env string) (string, error) {
	to, err := picked(v, "to", "choose the environment to promote to")
	if err != nil {
		return "", err
	}
	rel, err := p.Verbs.Promote(v.Context(), v.by("deploy", v.PostFormValue("reason")), s.Metadata.Name, env, to)
	return "/releases/" + rel.Metadata.Name, err
}

func (p *Portal) prepareScale(v *visit, show *page.Action, s catalog.Service) error {
	now := s.Spec.Environments[show.Environment].Replicas
	show.Number = strconv.Itoa(now)
	if v.Method == "POST" {
		show.Number = v.PostFormValue("replicas")
	}
	show.NumberHint = fmt.Sprintf("%d now; 0 stops it here, at most 100.", now)
	show.Does = []string{
		"The gates are asked: quotas count instances and memory.",
		"With more, new instances start and take requests once they answer; with fewer, the surplus is drained and stopped.",
		"Nothing is released or built.",
	}
	show.Same = page.Command{Says: "The same on the command line", Text: "stoa scale " + show.Name + " --env " + show.Environment + " --replicas " + strconv.Itoa(max(now, 1)+1)}
	return nil
}

func (p *Portal) scale(v *visit, s catalog.Service, env string) (string, error) {
	typed := strings.TrimSpace(v.PostFormValue("replicas"))
	n, err := strconv.Atoi(typed)
	if err != nil || n < 0 || n > 100 {
		return "", problem.New(problem.Invalid, "%q instances cannot be", typed).
			WithFields(problem.Field{Path: "replicas", Message: "must be a whole number of 0 to 100"})
	}
	_, err = p.Verbs.Scale(v.Context(), v.by("deploy", v.PostFormValue("reason")), s.Metadata.Name, env, n)
	return page.Link("/services/"+s.Metadata.Name, "env", env, "done", "scaled"), err
}

func (p *Portal) prepareRestart(_ *visit, show *page.Action, s catalog.Service) error {
	n := s.Spec.Environments[show.Environment].Replicas
	if n == 0 {
		show.Impossible = "It is stopped here: there is no instance to restart. Scale it up instead."
		return nil
	}
	show.Does = []string{
		fmt.Sprintf("New instances of the same release start, %d in all.", n),
		"Requests go over to them once they answer; the old ones finish what they have and stop.",
		"Settings and secrets are read anew.",
	}
	show.Same = page.Command{Says: "The same on the command line", Text: "stoa restart " + show.Name + " --env " + show.Environment}
	return nil
}

func (p *Portal) restart(v *visit, s catalog.Service, env string) (string, error) {
	_, err := p.Verbs.Restart(v.Context(), v.by("deploy", v.PostFormValue("reason")), s.Metadata.Name, env, p.Clock())
	return page.Link("/services/"+s.Metadata.Name, "env", env, "done", "restarted"), err
}

// preselect gives the value that is selected, after it has selected the first if none is.
func preselect(picks []page.Pick) string {
	at := max(0, slices.IndexFunc(picks, func(pick page.Pick) bool { return pick.Selected }))
	picks[at].Selected = true
	return picks[at].Value
}

// picked is what was chosen in a form.
func picked(v *visit, field, asked string) (string, error) {
	if value := v.PostFormValue(field); value != "" {
		return value, nil
	}
	return "", problem.New(problem.Invalid, "%s", asked).WithFields(problem.Field{Path: field, Message: "is missing"})
}

// releases reads a page of a service's releases in an environment, newest first.
func (p *Portal) releases(ctx context.Context, service, env, after string, limit int) ([]delivery.Release, string, error) {
	fields := map[string]string{"spec.service": service}
	if env != "" {
		fields["spec.environment"] = env
	}
	return object.List[delivery.Release](ctx, p.Objects, object.Query{Fields: fields, Newest: true, After: after, Limit: limit})
}
