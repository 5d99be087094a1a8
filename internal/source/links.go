package source

import (
	"path"
	"strings"

	"github.com/stoa-platform/stoa/internal/problem"
)

const (
	// maxHops is how many links one path may pass, as in Linux.
	maxHops = 40
	// maxLinkSteps bounds the work over all links of a snapshot, so that links
	// made to be tangled cannot hold a server up.
	maxLinkSteps = 1_000_000
)

// checkLinks refuses a symbolic link that leads out of the snapshot, by its
// own target or through other links of the snapshot.
func checkLinks(files []File) error {
	links := map[string]string{}
	for _, file := range files {
		if file.Link != "" {
			links[file.Path] = file.Link
		}
	}
	steps := 0
	for _, file := range files {
		if file.Link == "" {
			continue
		}
		if !linkStays(links, file.Path, &steps) {
			return problem.New(problem.Invalid, "symbolic link %q points to %q, which is not inside the source", file.Path, file.Link).
				Do("replace the link by the file itself", "or leave it out: add the line /"+file.Path+" to "+IgnoreFile)
		}
		if steps > maxLinkSteps {
			return problem.New(problem.Invalid, "the source has too many symbolic links through each other, at %q", file.Path)
		}
	}
	return nil
}

// linkStays follows the link at name through the snapshot. Folders that do not
// exist are followed by name, so that a build that makes them later cannot
// turn a dangling link into one that leads out.
func linkStays(links map[string]string, name string, steps *int) bool {
	if path.IsAbs(links[name]) || strings.HasPrefix(path.Join(path.Dir(name), links[name])+"/", "../") {
		return false
	}
	at := path.Dir(name) // resolved so far
	rest := links[name]
	for hops := 1; rest != ""; {
		if *steps++; *steps > maxLinkSteps {
			return true // the caller refuses
		}
		var element string
		element, rest, _ = strings.Cut(rest, "/")
		switch element {
		case "", ".":
			continue
		case "..":
			if at == "." {
				return false
			}
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, element)
		target, isLink := links[next]
		if !isLink {
			at = next
			continue
		}
		if hops++; hops > maxHops || path.IsAbs(target) {
			return false
		}
		rest = target + "/" + rest
	}
	return true
}
