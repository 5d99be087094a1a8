package source

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/problem"
)

// overLimit refuses a source that is too large, with the folders that make it so.
func (w *walk) overLimit() error {
	if len(w.files) == 0 {
		return problem.New(problem.Invalid, "no source at %s: it holds no files, %d entries are ignored", w.root, w.ignored).
			Do("see what is ignored: git check-ignore -v *", "bring files back with lines like !/src in "+IgnoreFile)
	}
	if len(w.files) <= w.limits.Files && w.size <= w.limits.Bytes {
		return nil
	}
	count := fmt.Sprint(len(w.files))
	if w.farOver() {
		count = "over " + fmt.Sprint(10*w.limits.Files)
	}
	p := problem.New(problem.TooLarge, "the source is too large: %s files of at most %d, %s of at most %s",
		count, w.limits.Files, byteSize(w.size), byteSize(w.limits.Bytes))
	largest := w.largestFolders(3)
	for _, f := range largest {
		p.Because(fmt.Sprintf("%s holds %d files, %s", f.name, f.files, byteSize(f.size)))
	}
	if len(largest) > 0 {
		p.Do(fmt.Sprintf("echo '/%s/' >> %s", largest[0].name, path.Join(w.root, IgnoreFile)))
	} else {
		p.Do("list what is not source in " + path.Join(w.root, IgnoreFile) + " (the syntax of .gitignore)")
	}
	return p
}

type folderSize struct {
	name  string
	files int
	size  int64
}

// largestFolders ranks the folders by their share of the limit that is
// exceeded. A folder stands for what is below it, unless one folder in it
// holds nearly all: then that one is named, being the better one to ignore.
func (w *walk) largestFolders(n int) []folderSize {
	sums := map[string]*folderSize{}
	for _, file := range w.files {
		for dir := path.Dir(file.Path); ; dir = path.Dir(dir) {
			if sums[dir] == nil {
				sums[dir] = &folderSize{name: dir}
			}
			sums[dir].files++
			sums[dir].size += file.Size
			if dir == "." {
				break
			}
		}
	}
	weight := func(f *folderSize) float64 {
		return max(float64(f.files)/float64(w.limits.Files), float64(f.size)/float64(w.limits.Bytes))
	}
	folders := make([]*folderSize, 0, len(sums))
	heaviest := map[string]float64{} // of the folders directly inside
	for _, f := range sums {
		folders = append(folders, f)
		if f.name != "." {
			parent := path.Dir(f.name)
			heaviest[parent] = max(heaviest[parent], weight(f))
		}
	}
	slices.SortFunc(folders, func(a, b *folderSize) int {
		return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a.name, b.name))
	})
	var top []folderSize
	for _, f := range folders {
		if len(top) == n {
			break
		}
		covered := slices.ContainsFunc(top, func(t folderSize) bool { return strings.HasPrefix(f.name, t.name+"/") })
		if f.name != "." && !covered && heaviest[f.name] <= 0.9*weight(f) {
			top = append(top, *f)
		}
	}
	return top
}

func byteSize(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
