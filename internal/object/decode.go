package object

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Limits of one input to Decode.
const (
	MaxDocument  = 1 << 20  // bytes of one object, as JSON without spaces
	MaxList      = 8 << 20  // bytes of a list, or of JSON objects with no "---" between them
	MaxInput     = 64 << 20 // bytes in all
	MaxDocuments = 20_000   // objects in all

	// shownFields is how many wrong fields a problem lists; the rest is counted.
	shownFields = 20
)

// Parsed is an object as it was read, which knows the line of each field.
type Parsed struct {
	Object
	Source   string // the file, as given to Decode, or "document 3" when that was ""
	Document int    // 1-based place among the objects of the input

	raw   []byte  // the envelope as JSON, in the order of the input
	lines []int32 // the line of each value of raw, in the same order
}

// Decode reads objects from YAML or JSON: one document or many, separated by
// "---" in YAML and by nothing in JSON, or lists of them ({items: [...]}, of
// kind List or none, or a plain sequence). Empty documents are skipped.
//
// Plain scalars are read by YAML 1.2's core schema, so that no and on are text.
// Duplicate keys, fields that no envelope has, and numbers that YAML's versions
// read differently are refused. source names the input in messages.
//
// On any error it returns nothing but a problem: TooLarge for an input over
// MaxInput, else Invalid with the first wrong fields of all documents.
func Decode(r io.Reader, source string) ([]Parsed, error) { return decode(r, source, nil) }

// Decode is the function Decode for objects of the registry's kinds. Where a
// document cannot be read, its problem also tells what is wrong with those that
// can, so that all is mended at once.
func (r *Registry) Decode(from io.Reader, source string) ([]Parsed, error) {
	return decode(from, source, func(p Parsed) []problem.Field {
		_, fields := r.AdmitParsed(p)
		return fields
	})
}

// decode is Decode. What check, which may be nil, finds wrong with the objects that
// can be read is told only beside others that cannot.
func decode(r io.Reader, source string, check func(Parsed) []problem.Field) ([]Parsed, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", sourceName(source), err)
	}
	if len(data) > MaxInput {
		return nil, problem.New(problem.TooLarge, "%s has more than %d MiB", sourceName(source), MaxInput>>20).
			Do("split it into several files")
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		return nil, Invalid(sourceName(source)+" is not text", []problem.Field{{Source: source, Line: badLine(data), Message: "is not UTF-8"}})
	}
	chunks := split(data)
	if len(chunks) > MaxDocuments { // told before the work of parsing them
		return nil, tooMany(source, len(chunks))
	}
	results := make([][]outcome, len(chunks))
	inParallel(len(chunks), func(i int) { results[i] = chunks[i].decode() })

	outcomes := slices.Concat(results...)
	hurt := slices.ContainsFunc(outcomes, func(o outcome) bool { return len(o.fields) > 0 })
	var parsed []Parsed
	var fields []problem.Field
	bad, wrong, documents := 0, 0, 0
	for _, o := range outcomes {
		documents++
		name := source
		if source == "" {
			name = fmt.Sprintf("document %d", documents)
		}
		if len(o.fields) > 0 {
			bad++
			for _, f := range o.fields {
				f.Source = name
				fields = append(fields, f)
			}
			continue
		}
		o.parsed.Document, o.parsed.Source = documents, name
		parsed = append(parsed, o.parsed)
		if hurt && check != nil {
			if found := check(o.parsed); len(found) > 0 {
				wrong++
				fields = append(fields, found...)
			}
		}
	}
	switch {
	case documents > MaxDocuments:
		return nil, tooMany(source, documents)
	case bad == 1 && documents == 1:
		return nil, Invalid(sourceName(source)+" cannot be read", fields)
	case bad > 0:
		title := fmt.Sprintf("%d of %d documents of %s cannot be read", bad, documents, sourceName(source))
		if wrong > 0 {
			title += fmt.Sprintf(", wrong are %d more", wrong)
		}
		return nil, Invalid(title, fields)
	}
	return parsed, nil
}

func tooMany(source string, objects int) *problem.Problem {
	return problem.New(problem.TooLarge, "%s has %d objects, the limit is %d", sourceName(source), objects, MaxDocuments).
		Do("split it into several files")
}

// Invalid returns the problem of wrong fields: the first 20 of them, and how
// many more there are.
func Invalid(title string, fields []problem.Field) *problem.Problem {
	p := problem.New(problem.Invalid, "%s", title)
	if more := len(fields) - shownFields; more > 0 {
		return p.WithFields(fields[:shownFields]...).Because(fmt.Sprintf("and %d more wrong fields", more))
	}
	return p.WithFields(fields...)
}

// chunk is one document's text and the number of lines before it.
type chunk struct {
	text   []byte
	before int
}

// outcome is what became of one object: itself, or what is wrong with it.
type outcome struct {
	parsed Parsed
	fields []problem.Field
}

// split cuts the input at lines that begin with "---" or "...", which YAML
// allows nowhere else. So one broken document does not hide the next, and
// documents can be read in parallel.
func split(data []byte) []chunk {
	var chunks []chunk
	start, startLine, line := 0, 0, 0
	cut := func(end int) {
		if text := data[start:end]; !blank(text) {
			chunks = append(chunks, chunk{text, startLine})
		}
	}
	for at := 0; at < len(data); line++ {
		end := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		switch {
		case isMarker(data[at:end], "---"):
			cut(at)
			start, startLine = at, line
		case isMarker(data[at:end], "..."):
			cut(at)
			start, startLine = end, line+1
		}
		at = end
	}
	cut(len(data))
	return chunks
}

func isMarker(line []byte, marker string) bool {
	return len(line) >= 3 && string(line[:3]) == marker && (len(line) == 3 || bytes.IndexByte([]byte(" \t\r\n"), line[3]) >= 0)
}

// blank tells whether a chunk holds nothing but comments, directives and its marker.
func blank(text []byte) bool {
	for line := range bytes.Lines(text) {
		if isMarker(line, "---") {
			line = line[3:]
		}
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}

func badLine(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		data = data[size:]
	}
	return line
}

func sourceName(source string) string {
	if source == "" {
		return "the input"
	}
	return source
}

// inParallel calls do(0) to do(n-1) on as many goroutines as there are processors.
func inParallel(n int, do func(int)) {
	const batch = 64
	var wg sync.WaitGroup
	limit := make(chan struct{}, runtime.GOMAXPROCS(0))
	for from := 0; from < n; from += batch {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			for i := from; i < min(from+batch, n); i++ {
				do(i)
			}
		})
	}
	wg.Wait()
}
