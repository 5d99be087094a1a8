package portal

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/metrics"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/chart"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/portal/release"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/route"
)

// rows makes the rows of a list of services: how they do now, the last release
// with who made it, and the traffic of the last hour.
func (p *Portal) rows(ctx context.Context, services []catalog.Service) ([]page.Service, error) {
	sparks, err := p.sparks(ctx, services)
	if err != nil {
		return nil, err
	}
	releases := make([]delivery.Release, len(services))
	var names []string
	for i, s := range services {
		last, _, err := object.List[delivery.Release](ctx, p.Objects, object.Query{
			Fields: map[string]string{"spec.service": s.Metadata.Name}, Newest: true, Limit: 1,
		})
		if err != nil {
			return nil, err
		}
		if len(last) == 1 {
			releases[i] = last[0]
			names = append(names, last[0].Metadata.Name)
		}
	}
	made, known, err := p.authors(ctx, "Release", names)
	if err != nil {
		return nil, err
	}
	rows := make([]page.Service, len(services))
	for i, s := range services {
		row := page.Service{
			Name: s.Metadata.Name, Owner: s.Metadata.Owner, About: about(s), Unconfirmed: s.Spec.OwnerSource,
			Traffic: sparks[s.Metadata.Name],
		}
		for _, env := range catalog.EnvironmentsOf(s) {
			now, err := p.condition(ctx, s, env)
			if err != nil {
				return nil, err
			}
			row.Places = append(row.Places, page.Place{Environment: env, State: now.State, Says: now.Why()})
		}
		if rel := releases[i]; rel.Metadata.Name != "" {
			row.Release = released(rel, made, known)
		}
		rows[i] = row
	}
	return rows, nil
}

func released(rel delivery.Release, made map[string]author, known people) page.Released {
	return page.Released{
		Name: rel.Metadata.Name, Environment: rel.Spec.Environment, By: known.person(made[rel.Metadata.Name].actor),
		Cause: rel.Spec.Cause, State: release.Phase(rel.Status.Phase), At: made[rel.Metadata.Name].at,
	}
}

// about says in two words what a service is.
func about(s catalog.Service) string {
	return strings.TrimSpace(cmp.Or(languages[s.Spec.Language], s.Spec.Language) + " " + s.Spec.Type)
}

var languages = map[string]string{
	"go": "Go", "node": "Node", "python": "Python", "static": "Static", "typescript": "TypeScript", "javascript": "JavaScript",
	"kotlin": "Kotlin", "java": "Java", "ruby": "Ruby", "rust": "Rust", "swift": "Swift",
}

// condition is how a service does in an environment now, with its colour.
type condition struct {
	page.State
	catalog.Condition
}

// condition is what the API and the command line say too.
func (p *Portal) condition(ctx context.Context, s catalog.Service, env string) (condition, error) {
	if env == "" {
		return condition{State: page.State{Level: page.Unknown, Word: catalog.StateElsewhere}}, nil
	}
	c, err := catalog.Look(ctx, p.Runtime, s, env)
	return condition{State: page.State{Level: level(c), Word: c.State}, Condition: c}, err
}

// level is the colour of a condition: what answers nobody is as bad as what failed.
func level(c catalog.Condition) page.Level {
	switch c.State {
	case catalog.StateRunning:
		return page.Good
	case catalog.StateDegraded:
		if c.Healthy > 0 {
			return page.Warn
		}
		return page.Bad
	case catalog.StateFailed:
		return page.Bad
	}
	return page.Unknown
}

// The window of the small charts.
const (
	sparkSpan = time.Hour
	sparkStep = 2 * time.Minute
)

// sparks gives the requests of the last hour of many services by one query.
func (p *Portal) sparks(ctx context.Context, services []catalog.Service) (map[string]page.Spark, error) {
	sparks := map[string]page.Spark{}
	var names []string
	for _, s := range services {
		if s.Status.Active && object.ValidName(s.Metadata.Name) { // a name of letters, digits and '-' is no pattern
			names = append(names, s.Metadata.Name)
		}
	}
	if len(names) == 0 {
		return sparks, nil
	}
	to := p.Clock().Truncate(time.Second)
	series, err := p.Numbers.Range(ctx, metrics.Query{
		Expr: fmt.Sprintf(`sum by (service) (rate(%s{service=~"%s"}[%s]))`, route.RequestsTotal, strings.Join(names, "|"), "2m"),
		From: to.Add(-sparkSpan), To: to, Step: sparkStep,
	})
	if err != nil {
		return nil, fmt.Errorf("read traffic: %w", err)
	}
	for _, s := range series {
		points := points(s.Points)
		if len(points) == 0 {
			continue
		}
		sum := 0.0
		for _, point := range points {
			sum += point.Value * sparkStep.Seconds()
		}
		sparks[s.Labels["service"]] = page.Spark{
			Path:  chart.Spark(points, to.Add(-sparkSpan), to, sparkStep),
			Label: "about " + page.Plural(int64(sum+0.5), "request") + " in the last hour",
			Rate:  page.Rate(points[len(points)-1].Value),
		}
	}
	return sparks, nil
}

func points(from []metrics.Point) []chart.Point {
	to := make([]chart.Point, len(from))
	for i, point := range from {
		to[i] = chart.Point{At: point.Time, Value: point.Value}
	}
	return to
}

// get reads a service, and says where to look when there is none.
func (p *Portal) get(ctx context.Context, name string) (catalog.Service, error) {
	s, err := object.Get[catalog.Service](ctx, p.Objects, name)
	if problem.Is(err, problem.NotFound) {
		return s, problem.New(problem.NotFound, "there is no service %q", name).Because("it may have been deleted").
			Do("look among all services, or deploy one: stoa up --name " + name)
	}
	return s, err
}
