// Package manifest reads the files of an apply as one text, and tells faults in it by
// their files.
package manifest

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Documents is the text of all files of an apply, one after another: the
// platform takes them all or none.
type Documents struct {
	text  bytes.Buffer
	files []part
}

// part is where a file stands in the text.
type part struct {
	name  string
	first int // the number of lines before it
	// line gives the line of a field, when the text was made of what the file says.
	line func(path string) int
}

// Read reads files, folders with all below them, and stdin for "-". The error of
// what is not there is problem.NotFound, of what says nothing problem.Invalid.
func Read(paths []string, stdin io.Reader) (*Documents, error) {
	d := &Documents{}
	for _, path := range paths {
		if path == "-" {
			if err := d.Add("standard input", stdin, nil); err != nil {
				return nil, err
			}
			continue
		}
		names, err := manifests(path)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if err := d.addFile(name); err != nil {
				return nil, err
			}
		}
	}
	if said := strings.Trim(d.text.String(), "-\r\n\t "); said == "" {
		return nil, problem.New(problem.Invalid, "%s holds no document", strings.Join(paths, ", ")).Do("stoa get services -o yaml    shows what one looks like")
	}
	return d, nil
}

// manifests lists the files of a path: itself, or what a folder holds of YAML
// and JSON.
func manifests(path string) ([]string, error) {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return nil, problem.New(problem.NotFound, "there is no file %s", path)
	}
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", path, err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var names []string
	err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != path && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)):
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read folder %s: %w", path, err)
	}
	if len(names) == 0 {
		return nil, problem.New(problem.NotFound, "folder %s holds no .yaml, .yml or .json file", path)
	}
	return names, nil
}

func (d *Documents) addFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer f.Close()
	return d.Add(name, f, nil)
}

// Add puts what a file holds behind the others. For a text that was made of what the
// file says, line gives the line of a field in it; else it is nil.
func (d *Documents) Add(name string, r io.Reader, line func(path string) int) error {
	raw, err := io.ReadAll(io.LimitReader(r, object.MaxInput+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if d.text.Len() > 0 {
		if !bytes.HasSuffix(d.text.Bytes(), []byte("\n")) {
			d.text.WriteByte('\n')
		}
		d.text.WriteString("---\n")
	}
	d.files = append(d.files, part{name: name, first: bytes.Count(d.text.Bytes(), []byte("\n")), line: line})
	d.text.Write(raw)
	if d.text.Len() > object.MaxInput {
		return problem.New(problem.TooLarge, "the files have more than %d MiB together", object.MaxInput>>20).Do("apply them in several steps")
	}
	return nil
}

// Text is what all files hold.
func (d *Documents) Text() []byte { return d.text.Bytes() }

// Source is the name that the platform calls the text by.
func (d *Documents) Source() string {
	if len(d.files) == 1 {
		return d.files[0].name
	}
	return ""
}

// Locate turns the lines of the whole text into those of its files.
func (d *Documents) Locate(err error) error {
	p := problem.From(err)
	if len(d.files) == 0 || len(d.files) == 1 && d.files[0].line == nil || p.Kind == problem.Internal {
		return err
	}
	for i := range p.Fields {
		f := &p.Fields[i]
		if f.Line == 0 {
			continue
		}
		from, line := d.at(f.Line)
		f.Source, f.Line = from.name, line
		f.Message = firstIn.ReplaceAllStringFunc(f.Message, func(text string) string {
			n, _ := strconv.Atoi(strings.TrimPrefix(text, "first in line "))
			first, line := d.at(n)
			if first.name == from.name {
				return fmt.Sprintf("first in line %d", line)
			}
			return fmt.Sprintf("first in %s:%d", first.name, line)
		})
		if from.line != nil {
			f.Line = from.line(f.Path)
		}
	}
	return p
}

// firstIn matches where a message names another line of the text than its own.
var firstIn = regexp.MustCompile(`first in line \d+`)

// at gives the file of a line of the text, and the line in it. The marker that
// was put before a file stands for its beginning.
func (d *Documents) at(line int) (part, int) {
	i := len(d.files) - 1
	for i > 0 && d.files[i].first > line {
		i--
	}
	return d.files[i], max(1, line-d.files[i].first)
}
