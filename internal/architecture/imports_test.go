package architecture

import (
	"slices"
	"strings"
	"testing"
)

// place is where a package stands in the house.
type place struct{ layer, position int }

func placeOf(folder string) (pkg string, at place, ok bool) {
	for i, l := range layers {
		if p := within(folder, l.packages); p != "" {
			return p, place{i, slices.Index(l.packages, p)}, true
		}
	}
	return "", place{}, false
}

// wrongImport says why a package may not import another, or "".
func wrongImport(from, to string) string {
	if within(to, apart) != "" {
		return "it is for tests only"
	}
	fromPackage, a, ok := placeOf(from)
	if !ok {
		return "the importing package has no place in the house: add it to layers in rules_test.go"
	}
	toPackage, b, ok := placeOf(to)
	if !ok {
		return "the imported package has no place in the house: add it to layers in rules_test.go"
	}
	step := edge{fromPackage, toPackage}
	narrow, limited := only[fromPackage]
	switch {
	case fromPackage == toPackage:
		return ""
	case limited && !slices.Contains(narrow, toPackage):
		return "it imports only " + strings.Join(narrow, " and ")
	case forbidden[step] != "":
		return forbidden[step]
	case a.layer > b.layer:
		return ""
	case a.layer < b.layer:
		return layers[a.layer].name + " do not import " + layers[b.layer].name + ": imports point down"
	case siblings[step] != "":
		return ""
	case layers[a.layer].ordered && a.position > b.position:
		return ""
	case layers[a.layer].ordered:
		return "within " + layers[a.layer].name + " imports point to what stands earlier in the list"
	}
	return layers[a.layer].name + " do not import each other; if they must, list the pair with its reason in siblings"
}

func TestImportsPointDown(t *testing.T) {
	for _, f := range read(t).code() {
		for _, imported := range f.imports() {
			if !inModule(imported) {
				continue
			}
			if why := wrongImport(f.folder, imported); why != "" {
				t.Errorf("%s imports %s: %s", f.path, imported, why)
			}
		}
	}
}

func inModule(path string) bool {
	return strings.HasPrefix(path, "internal/") || strings.HasPrefix(path, "cmd/") || path == "client" || strings.HasPrefix(path, "client/")
}

func TestEveryPackageHasAPlace(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range read(t).code() {
		if _, _, ok := placeOf(f.folder); !ok && !seen[f.folder] {
			seen[f.folder] = true
			t.Errorf("%s has no place in the house: add it to layers in rules_test.go", f.folder)
		}
	}
}

func TestHeavyLibrariesStandInOnePlace(t *testing.T) {
	for _, f := range read(t).code() {
		for _, imported := range f.imports() {
			for library, packages := range homes {
				if (imported == library || strings.HasPrefix(imported, library+"/")) && within(f.folder, packages) == "" {
					t.Errorf("%s imports %s: it stands in %s only, behind a narrow interface", f.path, imported, strings.Join(packages, " and "))
				}
			}
		}
	}
}

// The rules themselves must refuse what they are for.
func TestRulesRefuse(t *testing.T) {
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"internal/api", "internal/catalog", true},
		{"internal/runtime/process", "internal/runtime", true},
		{"internal/store/migrations", "internal/object", true},
		{"internal/cli", "client", true},
		{"client", "internal/problem", true},
		{"client", "internal/delivery", false},
		{"client", "internal/store", false},
		{"internal/delivery", "internal/catalog", true},
		{"cmd/stoa", "internal/app", true},
		{"internal/simulate", "client", true},
		{"internal/simulate", "internal/measure", false},
		{"internal/simulate", "internal/adoption", false},
		{"internal/simulate", "internal/delivery", false},
		{"internal/simulate", "internal/event", false},
		{"internal/measure", "internal/simulate", false},
		{"internal/adoption", "internal/simulate", false},
		{"internal/delivery", "internal/simulate", false},
		{"internal/app", "internal/api", true},
		{"internal/api", "internal/portal", false},
		{"internal/portal", "internal/api", false},
		{"internal/catalog", "internal/delivery", false},
		{"internal/catalog", "internal/api", false},
		{"internal/object", "internal/store", false},
		{"internal/route", "internal/logs", false},
		{"internal/cli", "internal/store", false},
		{"internal/app", "cmd/stoa", false},
		{"internal/store", "internal/testenv", false},
		{"internal/nowhere", "internal/object", false},
		{"internal/api", "internal/nowhere", false},
	} {
		if why := wrongImport(c.from, c.to); (why == "") != c.allowed {
			t.Errorf("%s imports %s: allowed %v, the rules say %q", c.from, c.to, c.allowed, why)
		}
	}
}
