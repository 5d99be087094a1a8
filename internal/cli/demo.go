package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/file"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/simulate"
)

// The year that a demo shows.
const (
	demoTeams  = 48
	demoMonths = 12
)

// demonstration is what the data folder of a demo knows of itself: a restart
// goes on with the same year, whatever day it is by then.
type demonstration struct {
	End  time.Time `json:"end"`
	Done bool      `json:"done"`
}

func demoFile(data string) string { return filepath.Join(data, "demo.json") }

// demonstrate lets a simulated year happen through the platform's own API. It
// returns problem.Conflict where there is something real; what else hinders the
// year is told, and the platform serves on.
func (c *Command) demonstrate(ctx context.Context, cl *client.Client, data string) error {
	err := c.demoYear(ctx, cl, data)
	if err != nil && !problem.Is(err, problem.Conflict) {
		if ctx.Err() == nil {
			c.Note("the year is not whole: %v\nstart again to go on with it", err)
		}
		return nil
	}
	return err
}

func (c *Command) demoYear(ctx context.Context, cl *client.Client, data string) error {
	d, err := readDemo(ctx, cl, data)
	if err != nil {
		return err
	}
	if d.Done {
		return nil
	}
	o, err := simulate.Options{Teams: demoTeams, Months: demoMonths, Seed: 1, End: d.End}.WithDefaults(time.Now())
	if err != nil {
		return err
	}
	progress := c.Live()
	defer progress.Close()
	result, _, err := simulate.Run(ctx, cl, o, c.simulating(progress))
	progress.Close()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Err, "one simulated year is there: %s, %d people, %s, %s\n", output.Count(result.Teams, "team"), result.People, output.Count(result.Services, "service"), output.Count(result.Events, "event"))
	d.Done = true
	return d.write(data)
}

// readDemo gives the year that the data folder began with, or begins one in a
// folder that has nothing real in it.
func readDemo(ctx context.Context, cl *client.Client, data string) (demonstration, error) {
	raw, err := os.ReadFile(demoFile(data))
	if err == nil {
		var d demonstration
		if err := json.Unmarshal(raw, &d); err != nil || d.End.IsZero() {
			return d, problem.New(problem.Conflict, "%s does not say which year the demo shows", demoFile(data)).
				Do("stoa serve --demo --data DIR    begins one in an empty folder")
		}
		return d, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return demonstration{}, fmt.Errorf("read which year the demo shows: %w", err)
	}
	found, err := simulate.Survey(ctx, cl)
	if err != nil {
		return demonstration{}, err
	}
	if n := len(found.Real); n > 0 {
		return demonstration{}, problem.New(problem.Conflict, "this platform has %s that nobody simulated", output.Count(n, "object")).
			Because("such as "+strings.Join(found.Real[:min(n, 3)], ", "), "a simulated year would be mixed into all that is measured of them").
			Do("stoa serve --demo --data DIR    shows the demo in a folder of its own", "stoa serve    starts this platform as it is")
	}
	if len(found.Simulations) > 0 {
		return demonstration{}, problem.New(problem.Conflict, "an organisation was simulated on this platform already, and no demo began here").
			Do("stoa serve --demo --data DIR    shows the demo in a folder of its own", "stoa serve    starts this platform as it is")
	}
	d := demonstration{End: time.Now().UTC().Truncate(24 * time.Hour)}
	return d, d.write(data)
}

func (d demonstration) write(data string) error {
	return file.Replace(demoFile(data), func(f *os.File) error { return json.NewEncoder(f).Encode(d) })
}
