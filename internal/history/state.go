package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/stoa-platform/stoa/internal/detect"
)

// State remembers how far a source was read for one platform, so that a reading
// that broke off goes on and a later one asks for what is new. It only saves
// work: without it everything is read again and nothing is told twice.
// It is safe for concurrent use.
type State struct {
	path string

	mu      sync.Mutex
	changed bool
	kept    kept
}

// kept is what lies in the file.
type kept struct {
	// Size is how many events the ledger held when this was written: one that
	// holds fewer has lost some of what counts as told here.
	Size         int64                `json:"size"`
	Repositories map[string]*progress `json:"repositories"`
}

// progress is how far one repository was read.
type progress struct {
	// Owners are the teams that it belonged to, each from a time on. What was
	// told under one team stays so when the owner changes.
	Owners []ownership `json:"owners,omitempty"`
	// Done says for each resource of what time all of it was read and taken.
	Done map[string]span `json:"done,omitempty"`
	// Pending holds the deployments that were not at their end then, by id, with
	// their beginning.
	Pending map[string]time.Time `json:"pending,omitempty"`
	// Answers are those to single questions that never change, kept until their
	// resource is done.
	Answers map[string]string `json:"answers,omitempty"`
	// Seen is what of a local repository was told.
	Seen *seen `json:"seen,omitempty"`
	// Tags are the versions of lists, by resource, to ask "has it changed?".
	Tags map[string]string `json:"tags,omitempty"`
}

// span is a time, both ends included.
type span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// seen is what of a local repository was told, and by what rules.
type seen struct {
	Rules string   `json:"rules"`
	Tip   string   `json:"tip"`
	Tags  []string `json:"tags,omitempty"` // the ids of deployments by tags
}

type ownership struct {
	Team string    `json:"team"`
	From time.Time `json:"from"`
}

// OpenState reads the state kept in a file; with no path it lives in memory. It
// starts anew where the file cannot be understood, or where the platform's
// ledger, which holds size events now, held more when it was written.
func OpenState(path string, size int64) (*State, error) {
	s := &State{path: path, kept: kept{Size: size}}
	if path != "" {
		raw, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("read progress: %w", err)
		}
		var was kept
		if err == nil && json.Unmarshal(raw, &was) == nil && was.Size <= size {
			s.kept.Repositories = was.Repositories
		}
	}
	maps.DeleteFunc(s.kept.Repositories, func(_ string, p *progress) bool { return p == nil })
	return s, nil
}

// Forget makes everything be read again. Whose repositories were stays known:
// what was told under one team is told under it again.
func (s *State) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.kept.Repositories {
		*p = progress{Owners: p.Owners}
	}
	s.changed = true
}

// Grown notes how many events the ledger holds by now.
func (s *State) Grown(size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if size > s.kept.Size {
		s.kept.Size, s.changed = size, true
	}
}

// Save writes what has changed.
func (s *State) Save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.changed || s.path == "" {
		return nil
	}
	raw, err := json.Marshal(s.kept)
	if err != nil {
		return fmt.Errorf("encode progress: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return fmt.Errorf("save progress: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(s.path), ".progress-")
	if err != nil {
		return fmt.Errorf("save progress: %w", err)
	}
	_, err = temp.Write(raw)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), s.path)
	}
	if err != nil {
		_ = os.Remove(temp.Name()) // the error that matters is told
		return fmt.Errorf("save progress: %w", err)
	}
	s.changed = false
	return nil
}

// change gives the progress of a repository to be changed.
func (s *State) change(key string, f func(*progress)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.kept.Repositories[key]
	if p == nil {
		p = &progress{}
		set(&s.kept.Repositories, key, p)
	}
	f(p)
	s.changed = true
}

// look gives the progress of a repository to be read.
func (s *State) look(key string, f func(*progress)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.kept.Repositories[key]; p != nil {
		f(p)
	} else {
		f(&progress{})
	}
}

// owned notes whose a repository is now.
func (s *State) owned(key, team string, now time.Time) {
	s.change(key, func(p *progress) {
		switch n := len(p.Owners); {
		case n == 0:
			p.Owners = []ownership{{Team: team}}
		case p.Owners[n-1].Team != team:
			p.Owners = append(p.Owners, ownership{team, now.UTC()})
		}
	})
}

// team gives whose a repository was; what happened before it was first seen
// counts for the team that it had then.
func (s *State) team(key string, at time.Time) (team string) {
	s.look(key, func(p *progress) {
		for _, o := range p.Owners {
			if !at.Before(o.From) {
				team = o.Team
			}
		}
	})
	return team
}

// done says up to when a resource was read from since on; zero if it never was,
// or only from later on.
func (s *State) done(key, resource string, since time.Time) (at time.Time) {
	s.look(key, func(p *progress) {
		if d := p.Done[resource]; !since.Before(d.From) {
			at = d.To
		}
	})
	return at
}

// answered gives the kept answer to a question.
func (s *State) answered(key, question string) (answer string, ok bool) {
	s.look(key, func(p *progress) { answer, ok = p.Answers[question] })
	return answer, ok
}

// answer keeps the answer to a question.
func (s *State) answer(key, question, answer string) {
	s.change(key, func(p *progress) { set(&p.Answers, question, answer) })
}

// tag gives the version that the list of a resource had when it was read last.
func (s *State) tag(key, resource string) (tag string) {
	s.look(key, func(p *progress) { tag = p.Tags[resource] })
	return tag
}

// codeowners reads the owner of the root from the first CODEOWNERS file there
// is. Where nothing was changed since it was read last, it is as it was.
func (s *State) codeowners(key string, changed, now time.Time, places []string, read func(file string) ([]byte, error)) (team, line string, err error) {
	const resource = "codeowners"
	if at := s.done(key, resource, now); at.After(changed) {
		known, _ := s.answered(key, resource)
		team, line, _ = strings.Cut(known, "\n")
		return team, line, nil
	}
	for _, file := range places {
		text, err := read(file)
		if closed(err) {
			continue
		}
		if err != nil {
			return "", "", err
		}
		team, line = detect.ParseCodeowners(file, text).Team(".")
		break
	}
	s.change(key, func(p *progress) {
		set(&p.Done, resource, span{To: now.Add(-overlap).UTC()})
		set(&p.Answers, resource, team+"\n"+line)
	})
	return team, line, nil
}

// set puts a value into a map that may not be there yet.
func set[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
}
