package naming

import "testing"

func TestNamesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for n := range 2 * len(givenNames) * len(familyNames) {
		if name := Person(n); seen[name] || len(name) > 63 {
			t.Fatalf("the name %s of person %d is another's", name, n)
		}
		seen[Person(n)] = true
	}
}
