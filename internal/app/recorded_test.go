package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure"
)

// Every type of event that the code names is told to people.
func TestRecordedTypesAreListed(t *testing.T) {
	var listed []*regexp.Regexp
	for _, r := range recorded() {
		listed = append(listed, regexp.MustCompile("^"+regexp.MustCompile(`<[a-z]+>`).ReplaceAllString(regexp.QuoteMeta(r.Type), `[0-9a-z.]*`)+"$"))
	}
	registry, _, err := kinds()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range registry.All() {
		listed = append(listed, regexp.MustCompile(`^dev\.stoa\.`+strings.ToLower(k.Name)+`\.(created|updated|deleted)?$`))
	}
	literal := regexp.MustCompile(`"(dev\.(?:stoa|cdevents)\.[a-z]+\.[0-9a-z.]*)"`)
	found := 0
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		// Types from outside are read by measures and webhooks, not written by Stoa.
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.Contains(path, "bench") || strings.Contains(path, "simulate") || strings.Contains(path, "webhook") || strings.Contains(path, "history/") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range literal.FindAllSubmatch(text, -1) {
			name, ok := string(m[1]), false
			for _, l := range listed {
				ok = ok || l.MatchString(name) || l.MatchString(strings.TrimSuffix(name, ".")+".x")
			}
			if found++; !ok && !strings.HasPrefix(name, "dev.cdevents.") {
				t.Errorf("%s names %s, which recorded() does not list", path, name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 15 {
		t.Errorf("only %d types found in the code: the pattern looks for too little", found)
	}
}

// TestMeasured keeps docs/reference/measures.md in step with the definitions,
// and the balanced scorecard with what is measured.
func TestMeasured(t *testing.T) {
	page := MeasuredPage()
	path := filepath.Join("..", "..", "docs", "reference", "measures.md")
	if *Update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(stored) != page {
		t.Errorf("%s is out of date: go test ./internal/app -run Measured -update", path)
	}
	measured := known()
	for _, r := range measure.Balanced().Rows {
		if !measured(r.Measure) {
			t.Errorf("the balanced scorecard names %s, which nobody measures", r.Measure)
		}
	}
}
