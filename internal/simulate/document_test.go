package simulate

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// The table of parameters is that of the code.
func TestDocumentListsTheParameters(t *testing.T) {
	text, err := os.ReadFile("../../docs/simulate.md")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	var parameters map[string]float64
	if err := json.Unmarshal(raw, &parameters); err != nil {
		t.Fatal(err)
	}
	for name, value := range parameters {
		if row := fmt.Sprintf("| `%s` | %g | ", name, value); !strings.Contains(string(text), row) {
			t.Errorf("docs/simulate.md has no row %q", row)
		}
	}
	if rows := strings.Count(string(text), "\n| `"); rows != len(parameters) {
		t.Errorf("docs/simulate.md has %d rows for %d parameters", rows, len(parameters))
	}
}
