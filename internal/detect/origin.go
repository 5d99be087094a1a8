package detect

import "time"

// Origin is what the client knows of the Git checkout that a source comes
// from. Every field is optional.
type Origin struct {
	Commit     string    `json:"commit,omitempty"`
	Branch     string    `json:"branch,omitempty"`
	Remote     string    `json:"remote,omitempty"` // without credentials
	Subject    string    `json:"subject,omitempty"`
	Author     string    `json:"author,omitempty"`
	CommitTime time.Time `json:"commitTime,omitzero"`
	// Dirty is true if the folder differs from the commit.
	Dirty bool `json:"dirty,omitempty"`
	// Path is the folder within the repository, "" for its root.
	Path string `json:"path,omitempty"`
	// Codeowners holds the owners of the path by the repository's CODEOWNERS,
	// CodeownersSource the line that says so, such as "CODEOWNERS:3".
	Codeowners       []string `json:"codeowners,omitempty"`
	CodeownersSource string   `json:"codeownersSource,omitempty"`
	// TopAuthors counts the commits of the last 90 days that touch the path,
	// most first.
	TopAuthors []AuthorCount `json:"topAuthors,omitempty"`
	// Recent are the last commits of the checkout, newest first.
	Recent []Commit `json:"recent,omitempty" jsonschema:"maxItems=100"`
}

// Commit is a commit of the checkout.
type Commit struct {
	Commit  string    `json:"commit"`
	Time    time.Time `json:"time"`
	Parents []string  `json:"parents,omitempty"`
	// Elsewhere is true of merges, and of commits that do not touch the path or
	// are older than 90 days.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// Change is a commit that a release brings.
type Change struct {
	Commit string    `json:"commit"`
	Time   time.Time `json:"time"`
}

// Since gives the commits that touch the path and are not in the history of an
// earlier commit. ok is false if that one is not among the recent ones.
func (o *Origin) Since(earlier string) (changes []Change, ok bool) {
	known := map[string]bool{earlier: true}
	changes = []Change{}
	for _, c := range o.Recent { // children come before their parents
		if !known[c.Commit] {
			continue
		}
		ok = ok || c.Commit == earlier
		for _, parent := range c.Parents {
			known[parent] = true
		}
	}
	for _, c := range o.Recent {
		if !known[c.Commit] && !c.Elsewhere {
			changes = append(changes, Change{c.Commit, c.Time})
		}
	}
	return changes, ok
}

// AuthorCount is how many commits somebody made.
type AuthorCount struct {
	Name    string `json:"name"`
	Commits int    `json:"commits"`
}
