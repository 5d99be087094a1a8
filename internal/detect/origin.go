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
}

// AuthorCount is how many commits somebody made.
type AuthorCount struct {
	Name    string `json:"name"`
	Commits int    `json:"commits"`
}
