package icons

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every icon that a page names is there: a missing one would fail the page.
func TestPagesNameIconsThatAreThere(t *testing.T) {
	named := regexp.MustCompile(`(?:icons\.Icon|Empty)\("([a-z0-9-]+)"|(?:verb|menuEntry)\([^)]*"([a-z0-9-]+)", "[A-Z][a-z ]+"\)|return "([a-z]+-[a-z0-9-]+)"`)
	files, err := filepath.Glob("../page/*")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_templ.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range named.FindAllStringSubmatch(string(text), -1) {
			name := match[1] + match[2] + match[3]
			found++
			if err := Icon(name).Render(context.Background(), io.Discard); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d icons found in the pages: the pattern looks for too little", found)
	}
}
