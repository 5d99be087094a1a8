package backstage

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// parse gives the entities of a text, all of which are right.
func parse(t testing.TB, text string) []*Entity {
	t.Helper()
	entities, _, wrong := Parse("catalog-info.yaml", []byte(text))
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	return entities
}

// component writes one with a spec in flow style.
func component(name, spec string) string {
	return fmt.Sprintf("apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: %s}\nspec: {%s}\n---\n", name, spec)
}

func entity(kind, name, spec string) string {
	return strings.Replace(component(name, spec), "Component", kind, 1)
}

// registry compiles each schema once.
var registry = sync.OnceValues(func() (*object.Registry, error) { return object.NewRegistry(catalog.Kinds()...) })

// imports gives what a platform holds once the reading is merged into it.
func imports(t testing.TB, platform []object.Object, read *Reading, keep bool) ([]object.Object, []Note) {
	t.Helper()
	wanted, notes, err := Merge(platform, read, keep)
	if err != nil {
		t.Fatal(problem.From(err), problem.From(err).Fields)
	}
	kinds, err := registry()
	if err != nil {
		t.Fatal(err)
	}
	after := map[object.Ref]object.Object{}
	var refs []object.Ref
	for _, o := range platform {
		after[o.Ref()] = o
		refs = append(refs, o.Ref())
	}
	for _, w := range wanted {
		if _, there := after[w.Object.Ref()]; !there {
			refs = append(refs, w.Object.Ref())
		}
		admitted, fields := kinds.Admit(w.Object)
		if len(fields) > 0 {
			t.Fatalf("%s is not admitted: %v", w.Object.Ref(), fields)
		}
		after[w.Object.Ref()] = admitted
	}
	all := make([]object.Object, len(refs))
	for i, ref := range refs {
		all[i] = after[ref]
	}
	return all, notes
}

func find(t testing.TB, objects []object.Object, ref string) object.Object {
	t.Helper()
	for _, o := range objects {
		if o.Ref().String() == ref {
			return o
		}
	}
	t.Fatalf("there is no %s", ref)
	return object.Object{}
}

// edit changes the spec of an object in place.
func edit[S any](t testing.TB, objects []object.Object, ref string, change func(m *object.Metadata, spec *S)) {
	t.Helper()
	for i := range objects {
		if objects[i].Ref().String() != ref {
			continue
		}
		var spec S
		if err := json.Unmarshal(objects[i].Spec, &spec); err != nil {
			t.Fatal(err)
		}
		change(&objects[i].Metadata, &spec)
		raw, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		objects[i].Spec = raw
		return
	}
	t.Fatalf("there is no %s", ref)
}

// write lays out files in a folder of their own.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
