// Package history reads what happened before Stoa came: releases, deployments,
// changes, pipeline runs and incidents of a year, out of Git repositories and
// the hosts that keep them. It only reads. Each fact becomes an event whose id
// follows from the fact alone, so that reading again tells nothing new.
package history

import (
	"context"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/hosted"
)

// Source is a place that facts are read from.
type Source interface {
	// List finds the repositories and, where it can be told, whose they are. What
	// cannot be read is told as skipped; an error means that nothing can.
	List(context.Context, Sink) ([]Repository, error)
	// Read hands over the facts of one repository of the list. An error of kind
	// problem.Failed is about this repository alone: others can still be read.
	Read(context.Context, Repository, Sink) error
	// Teams names the teams that exist there, owners of something or not.
	Teams() []string
}

// Sink takes what a source finds.
type Sink interface {
	// Event takes one fact. An error ends the reading.
	Event(context.Context, event.Event) error
	// After calls remember once all events before it are where they belong.
	After(remember func())
	// Skipped hears what was not read, and why.
	Skipped(what, why string)
	// Waiting hears that the source asks for patience until then.
	Waiting(why string, until time.Time)
}

// Repository is a repository whose facts can be read.
type Repository struct {
	// Key names it within its source for good, whatever it is renamed to.
	Key string
	// Path is where people find it, such as "acme/shop" or a folder.
	Path string
	// Name is what its facts call it, the same wherever it is read.
	Name string
	// Source is the CloudEvents source of its facts.
	Source string
	// Service is the name of the service that it holds.
	Service string
	// URL is its address; empty for one that only lies on a disk.
	URL string
	// Created is when it was made; zero when that is not known.
	Created time.Time
	Owner   Owner
}

// sourceOfClones begins the source of what is read of a clone; its commits that have no
// parent follow.
const sourceOfClones = "git:"

// OtherWay says under which source the same repository is told of in the other way: what
// is read of a clone and what its host tells have different ids, so that a deployment that
// both tell of would count twice. Of a clone that is the source of its host, which its
// address says, and exact; it is "" where there is no address. Of what a host has it is what the
// source of any clone begins with.
func (r Repository) OtherWay() (source string, exact bool) {
	if exact = strings.HasPrefix(r.Source, sourceOfClones); !exact {
		return sourceOfClones, exact
	}
	_, at, _ := strings.Cut(r.URL, "://")
	return hosted.Source(r.URL, at[strings.Index(at, "/")+1:]), exact
}

// Owner is whose a repository seems to be. Nobody has confirmed it.
type Owner struct {
	// Team is empty when no team is known.
	Team string
	// Source says from where it is known, such as "CODEOWNERS:3".
	Source string
	// Author is who committed most in 90 days, where nothing names a team.
	Author string
}

// Options say what is read.
type Options struct {
	// Since is the beginning of the time that is read.
	Since time.Time
	// Now is its end: what claims to have happened later is not taken.
	Now time.Time
	// Team owns every repository, when it is set.
	Team string
	// Environment is where tags, releases and incidents are thought to be about.
	Environment string
	// Tags are the patterns of the tags that count as deployments. None: tags
	// that look like versions, except for pre-releases.
	Tags []string
	// OnMerge counts each change of the main branch as a deployment, not tags.
	OnMerge bool
	// State remembers how far earlier readings came.
	State *State
}

// overlap is by how much a reading goes behind the end of the one before: the
// clocks of hosts differ, and what they list lags behind what they know.
const overlap = 5 * time.Minute
