// Package manual makes HTML of the documentation that comes with the binary.
package manual

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"github.com/stoa-platform/stoa/docs"
)

// repository is where the links lead that leave the documentation.
const repository = "https://github.com/stoa-platform/stoa/blob/"

// tag is a version that has one in the repository: not what `git describe` says of
// a commit after it, or of changes that are nowhere.
var tag = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+(-(alpha|beta|rc)[.0-9]*)?$`)

// sourceOf gives the address of a version's files, so that pages do not lead to
// what came, or went, after it.
func sourceOf(version string) string {
	if tag.MatchString(version) {
		return repository + version
	}
	return repository + "main"
}

// Document is a page as HTML.
type Document struct {
	Path  string // "quotas", "reference/cli"
	Title string // its first heading, which Body does not hold
	Body  string
}

// Render gives all pages, in the order of their paths. What they link to beside the
// documentation is at the files of the version.
func Render(version string) ([]Document, error) {
	source := sourceOf(version)
	var all []Document
	err := fs.WalkDir(docs.Files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(docs.Files, name)
		if err != nil {
			return err
		}
		d, err := render(name, text, source)
		if err != nil {
			return fmt.Errorf("render %s: %w", name, err)
		}
		all = append(all, d)
		return nil
	})
	return all, err
}

// markdown leaves out HTML that stands in a page, as it does by default.
var markdown = goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))

func render(name string, source []byte, repository string) (Document, error) {
	d := Document{Path: strings.TrimSuffix(name, ".md")}
	root := markdown.Parser().Parse(text.NewReader(source))
	if h, ok := root.FirstChild().(*ast.Heading); ok && h.Level == 1 {
		var title strings.Builder
		for c := h.FirstChild(); c != nil; c = c.NextSibling() {
			if t, ok := c.(*ast.Text); ok {
				title.Write(t.Segment.Value(source))
			}
		}
		d.Title = title.String()
		root.RemoveChild(root, h)
	}
	if d.Title == "" {
		return d, fmt.Errorf("it does not begin with a heading of plain text")
	}
	err := ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Link:
			if entering {
				n.Destination = []byte(linkFrom(path.Dir(name), string(n.Destination), repository))
			}
		case *ast.Image:
			if entering {
				n.Destination = []byte(repository + "/" + path.Join("docs", path.Dir(name), string(n.Destination)) + "?raw=true")
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return d, err
	}
	var body bytes.Buffer
	if err := markdown.Renderer().Render(&body, source, root); err != nil {
		return d, err
	}
	// What is wide scrolls by itself, also by keyboard. A tag in the text is
	// escaped, so that only real ones are found.
	d.Body = strings.NewReplacer(
		"<table>", `<div class="table-responsive" tabindex="0"><table class="table">`, "</table>", "</table></div>", "<pre>", `<pre tabindex="0">`,
	).Replace(body.String())
	return d, nil
}

// linkFrom makes a link of a page in a folder one of the portal, or of the
// repository where it leaves the documentation.
func linkFrom(folder, to, repository string) string {
	if strings.Contains(to, "://") || strings.HasPrefix(to, "#") || strings.HasPrefix(to, "mailto:") {
		return to
	}
	to, anchor, _ := strings.Cut(to, "#")
	if anchor != "" {
		anchor = "#" + anchor
	}
	at := path.Join("docs", folder, to)
	if inside, ok := strings.CutPrefix(at, "docs/"); ok && strings.HasSuffix(inside, ".md") {
		return "/docs/" + strings.TrimSuffix(inside, ".md") + anchor
	}
	return repository + "/" + at + anchor
}
