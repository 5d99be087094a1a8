// Package observe takes what happened elsewhere to a platform: it reads a
// source, posts the events, declares what was found, and tells a person.
package observe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/history"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Observation is one reading of a source for one platform.
type Observation struct {
	Printer *output.Printer
	// Client is of the platform that is told; nil prints the events and posts none.
	Client *client.Client
	// Kind, API and Target name the source, such as "github", the address of its
	// API and "acme": how far it was read is remembered by them.
	Kind, API, Target string
	// Options is what to read; State is set by Run.
	Options history.Options
	// Catalog also declares the services and teams that are found and not known yet.
	Catalog bool
	// Again reads everything, not only what is new since the last time.
	Again bool
	// Open opens the source.
	Open func(history.Options) (history.Source, error)
}

// observed is what `stoa connect … -o json` prints.
type observed struct {
	Repositories int   `json:"repositories"`
	Events       int64 `json:"events"` // that were found
	// Found is how many of them tell of what: "deployment", "change", "workflow run" …
	Found map[string]int64 `json:"found"`
	client.Posted
	Skipped  int               `json:"skipped"` // what was not read
	Waits    int               `json:"waits"`   // that the source asked for
	NotRead  []notRead         `json:"notRead"`
	NotTaken []client.NotTaken `json:"notTaken"`
	Declared *declared         `json:"declared,omitempty"`
}

type notRead struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// observer takes what a source finds to the platform, or to stdout.
type observer struct {
	*output.Printer
	live    *terminal.Live
	client  *client.Client  // of the platform that is told; nil for a dry run
	posting *client.Posting // nil for a dry run
	broken  bool            // the platform does not take events any more
	at      string          // the repository that is read
	done    int             // repositories, …
	all     int             // … of so many
	sum     observed
}

// Event takes one fact.
func (o *observer) Event(ctx context.Context, e event.Event) error {
	o.sum.Events++
	o.sum.Found[factOf(e.Type)]++
	o.bar()
	raw, err := event.Record{Event: e}.CloudEvent()
	if err != nil {
		return err
	}
	if o.posting != nil {
		err = o.posting.Add(ctx, raw)
		o.broken = err != nil
		return err
	}
	if o.JSON() { // one document
		separator := ",\n"
		if o.sum.Events == 1 {
			separator = "[\n"
		}
		_, err = fmt.Fprintf(o.Out, "%s%s", separator, raw)
		return err
	}
	_, err = fmt.Fprintf(o.Out, "%s\n", raw)
	return err
}

// deployment is what the fact is called by which most is measured.
const deployment = "deployment"

// factOf says what an event tells of.
func factOf(eventType string) string {
	switch subject, _, _ := event.CDEvent(eventType); subject {
	case "service":
		return deployment
	case "change", "incident":
		return subject
	case "pipelinerun":
		return "workflow run"
	}
	return "other fact"
}

// After calls remember once all events before it are taken.
func (o *observer) After(remember func()) {
	if o.posting != nil {
		o.posting.After(remember)
	}
}

// Skipped notes what was not read.
func (o *observer) Skipped(what, why string) {
	o.sum.Skipped++
	o.sum.NotRead = append(o.sum.NotRead, notRead{what, why})
}

// Waiting tells a person why nothing goes on.
func (o *observer) Waiting(why string, until time.Time) {
	o.sum.Waits++
	o.live.Say("waits until %s: %s (wait %d)", until.Local().Format(time.TimeOnly), why, o.sum.Waits)
}

// Run reads the source and posts what it finds. What was taken is remembered, so
// that the same again goes on from there, also after an error or an end of ctx.
func (o Observation) Run(ctx context.Context) (err error) {
	sink := &observer{Printer: o.Printer, live: o.Printer.Live(), sum: observed{Found: map[string]int64{}, NotRead: []notRead{}, NotTaken: []client.NotTaken{}}}
	defer sink.live.Close()
	opts := o.Options
	if o.Client == nil {
		opts.State, err = history.OpenState("", 0)
	} else {
		sink.client = o.Client
		sink.posting = o.Client.NewPosting(func(n client.NotTaken) { sink.sum.NotTaken = append(sink.sum.NotTaken, n) })
		opts.State, err = o.progress(ctx)
	}
	if err != nil {
		return err
	}
	if o.Again {
		opts.State.Forget()
	}
	src, err := o.Open(opts)
	if err != nil {
		return err
	}
	defer func() {
		if saved := opts.State.Save(); err == nil {
			err = saved
		}
	}()
	repos, err := sink.read(ctx, src, func(repos []history.Repository) error {
		if !o.Catalog || o.Client == nil {
			return nil
		}
		sink.sum.Declared, err = declare(ctx, o.Client, repos, src.Teams())
		return err
	}, opts.State)
	sink.live.Close()
	if err != nil {
		sink.interrupted(ctx)
		return err
	}
	if o.Client != nil {
		size, _, err := ledgerOf(ctx, o.Client)
		if err != nil {
			return err
		}
		opts.State.Grown(size)
	}
	return sink.tell(o, repos)
}

// ledgerOf tells how many events a platform's ledger holds, and the key that
// signs it, by which one platform is told from another.
func ledgerOf(ctx context.Context, cl *client.Client) (size int64, key string, err error) {
	head, err := cl.Checkpoint(ctx)
	if err != nil {
		return 0, "", err
	}
	checkpoint, err := event.ParseCheckpoint(head.Checkpoint, head.PublicKey)
	return checkpoint.Size, head.PublicKey, err
}

// progress reads how far a source was read for a platform. Another platform
// at the same address has been told nothing.
func (o Observation) progress(ctx context.Context) (*history.State, error) {
	size, key, err := ledgerOf(ctx, o.Client)
	if err != nil {
		return nil, err
	}
	dir, err := config.StateDir()
	if err != nil {
		return nil, err
	}
	target := o.Target
	if o.Kind == "git" {
		target = "" // repositories have names of their own, wherever they lie
	}
	name := strings.Trim(o.Kind+"-"+object.SlugName(target), "-") + "-" + shortHash(key+"\n"+o.API+"\n"+strings.ToLower(target)) + ".json"
	return history.OpenState(filepath.Join(dir, "connect", name), size)
}

// read hands over all repositories, one after another. What concerns one of
// them alone keeps no other from being read.
func (o *observer) read(ctx context.Context, src history.Source, found func([]history.Repository) error, state *history.State) ([]history.Repository, error) {
	o.live.Say("looking for repositories")
	repos, err := src.List(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := found(repos); err != nil {
		return repos, err
	}
	for i, r := range repos {
		before := o.sum.Events
		o.at, o.done, o.all = r.Path, i, len(repos)
		o.bar()
		other, err := o.toldBy(ctx, r)
		if err != nil {
			return repos, err
		}
		if other != "" {
			o.Skipped(r.Path, fmt.Sprintf("the deployments of service %s were told by %s first, and would count twice: go on with that way", r.Service, other))
			continue
		}
		err = src.Read(ctx, r, o)
		var p *problem.Problem
		alone := errors.As(err, &p) && p.Kind == problem.Failed
		if alone {
			o.Skipped(r.Path, strings.Join(append([]string{p.Error()}, p.Next...), ": "))
		} else if err != nil {
			return repos, errors.Join(err, o.settle(ctx, state))
		}
		if err := o.settle(ctx, state); err != nil {
			return repos, err
		}
		if alone {
			o.live.Say("%s could not be read (%d of %d)", r.Path, i+1, len(repos))
			continue
		}
		o.sum.Repositories++
		o.live.Say("%s: %s (%d of %d)", r.Path, output.Count(o.sum.Events-before, "event"), i+1, len(repos))
	}
	return repos, nil
}

// bar shows how far it is.
func (o *observer) bar() {
	o.live.Bar(fmt.Sprintf("%s, %s so far", o.at, output.Count(o.sum.Events, "event")), int64(o.done), int64(o.all), func(n int64) string { return strconv.FormatInt(n, 10) })
}

// settle posts what was gathered and remembers how far that is.
func (o *observer) settle(ctx context.Context, state *history.State) error {
	if o.posting == nil || ctx.Err() != nil || o.broken {
		return nil
	}
	if err := o.posting.Flush(ctx); err != nil {
		return err
	}
	return state.Save()
}

// interrupted says what is safe already.
func (o *observer) interrupted(ctx context.Context) {
	if o.posting == nil || ctx.Err() == nil {
		return
	}
	sum := o.posting.Sum()
	o.Note("%s were taken; the same command goes on from there", output.Count(sum.Accepted+sum.Duplicates, "event"))
}

// shownTroubles is how many of what was not read or taken a person is told of
// one by one.
const shownTroubles = 20

// tell sums up.
func (o *observer) tell(asked Observation, repos []history.Repository) error {
	c, dryRun := o.Printer, asked.Client == nil
	if o.posting != nil {
		o.sum.Posted = o.posting.Sum()
	}
	switch {
	case dryRun && c.JSON():
		end := "\n]\n"
		if o.sum.Events == 0 {
			end = "[]\n"
		}
		if _, err := fmt.Fprint(c.Out, end); err != nil {
			return err
		}
	case !dryRun && c.Structured():
		return c.Print(o.sum)
	}
	p := c.Paint()
	for i, n := range o.sum.NotRead {
		if i == shownTroubles {
			c.Note("… and %d more that were not read", len(o.sum.NotRead)-i)
			break
		}
		fmt.Fprintf(c.Err, "%s %s: %s\n", p.Warn("not read:"), terminal.OneLine(n.What), terminal.OneLine(n.Why))
	}
	for i, n := range o.sum.NotTaken {
		if i == shownTroubles {
			c.Note("… and %d more that were not taken", len(o.sum.NotTaken)-i)
			break
		}
		word := "refused:"
		if n.Status != "" {
			word = string(n.Status) + ":"
		}
		fmt.Fprintf(c.Err, "%s %s of %s (%s): %s\n", p.Warn(word), terminal.OneLine(n.ID), n.Source, n.Type, terminal.OneLine(n.Why))
	}
	if dryRun {
		c.Note("%s of %s; nothing was posted: this was a dry run", output.Count(o.sum.Events, "event"), repositories(o.sum.Repositories))
		return nil
	}
	fmt.Fprintf(c.Out, "%s, %s: %d taken, %d there already", repositories(o.sum.Repositories), output.Count(o.sum.Events, "event"), o.sum.Accepted, o.sum.Duplicates)
	for _, part := range []struct {
		n    int64
		what string
	}{{o.sum.Conflicts, "recorded as conflicts"}, {o.sum.Refused, "refused"}, {int64(o.sum.Waits), "times waited"}} {
		if part.n > 0 {
			fmt.Fprintf(c.Out, ", %d %s", part.n, part.what)
		}
	}
	fmt.Fprintln(c.Out)
	o.tellFound(asked)
	if d := o.sum.Declared; d != nil {
		d.tell(c)
	} else if len(repos) > 0 {
		c.Note("next  stoa connect %s %s --catalog    declares what was found: %s", asked.Kind, asked.Target, output.Count(len(repos), "service"))
	}
	return nil
}

// tellFound says of what the events tell, and how deployments are found where none was.
func (o *observer) tellFound(asked Observation) {
	if o.sum.Events == 0 {
		return
	}
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(o.sum.Found)) {
		parts = append(parts, output.Count(o.sum.Found[what], what))
	}
	fmt.Fprintf(o.Out, "  %s\n", strings.Join(parts, ", "))
	if o.sum.Found[deployment] > 0 {
		return
	}
	o.Note("no deployment is among them, of which most numbers are made: a tag counts as one if it is a version, such as v1.2.3")
	o.Note("next  stoa connect %s %s --deploy-tags 'PATTERN'    where other tags are deployments", asked.Kind, asked.Target)
	if asked.Kind == "git" {
		o.Note("      stoa connect %s %s --deploy-on-merge    where each change of the main branch is one", asked.Kind, asked.Target)
	}
}

func repositories(n int) string {
	if n == 1 {
		return "1 repository"
	}
	return fmt.Sprintf("%d repositories", n)
}

// shortHash tells texts apart in the name of a file.
func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
