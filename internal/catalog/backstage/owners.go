package backstage

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/stoa-platform/stoa/internal/detect"
)

// maxCodeowners bounds what is read of a CODEOWNERS file.
const maxCodeowners = 3 << 20

// codeowners are the rules that hold in a folder and all below it.
type codeowners struct {
	rules detect.Codeowners
	below string // the folder of the rules, as a prefix of paths in the tree
	// above is the path of the tree below the folder of the rules, when that lies
	// higher than the tree.
	above string
}

// ownerOf gives the team that CODEOWNERS names for a folder of the tree: by the
// nearest such file at or above it, up to the repository's.
func (r *reader) ownerOf(dir string) (team, source string) {
	found := r.codeowners(dir)
	if found == nil {
		return "", ""
	}
	rel := dir
	if found.below != "." {
		rel = strings.TrimPrefix(strings.TrimPrefix(dir, found.below), "/")
	}
	return found.rules.Team(path.Join(found.above, rel))
}

func (r *reader) codeowners(dir string) *codeowners {
	if known, ok := r.owners[dir]; ok {
		return known
	}
	var found *codeowners
	for _, place := range detect.CodeownersPlaces() {
		if data, err := r.read(path.Join(dir, place), maxCodeowners); err == nil {
			found = &codeowners{rules: detect.ParseCodeowners(path.Join(dir, place), data), below: dir}
			break
		}
	}
	switch {
	case found != nil, dir != "." && !r.missing(path.Join(dir, ".git")): // another repository begins here
	case dir == ".":
		found = r.repository()
	default:
		found = r.codeowners(path.Dir(dir))
	}
	r.owners[dir] = found
	return found
}

// repository gives the rules of the repository that the tree is a part of.
func (r *reader) repository() *codeowners {
	dir, err := filepath.Abs(r.shown)
	if err != nil {
		return nil
	}
	tree := dir
	for !isRepository(dir) {
		if dir == filepath.Dir(dir) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
	below, err := filepath.Rel(dir, tree)
	if err != nil || below == "." {
		return nil
	}
	for _, place := range detect.CodeownersPlaces() {
		file := filepath.Join(dir, filepath.FromSlash(place))
		if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() || info.Size() > maxCodeowners {
			continue
		}
		if data, err := os.ReadFile(file); err == nil {
			return &codeowners{rules: detect.ParseCodeowners(place, data), below: ".", above: filepath.ToSlash(below)}
		}
	}
	return nil
}

func isRepository(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, ".git"))
	return err == nil
}
