package backstage

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/stoa-platform/stoa/internal/object"
)

// Ref names an entity. Its parts are in lower case, as Backstage compares them.
type Ref struct{ Kind, Namespace, Name string }

// DefaultNamespace is that of an entity which names none.
const DefaultNamespace = "default"

// String gives "component:default/shop".
func (r Ref) String() string { return r.Kind + ":" + r.Namespace + "/" + r.Name }

// ParseRef reads "[kind:][namespace/]name"; what is left out is kind and namespace.
func ParseRef(text, kind, namespace string) (Ref, error) {
	rest := strings.ToLower(strings.TrimSpace(text))
	r := Ref{Kind: strings.ToLower(kind), Namespace: strings.ToLower(namespace)}
	if before, after, ok := strings.Cut(rest, ":"); ok {
		r.Kind, rest = before, after
	}
	if before, after, ok := strings.Cut(rest, "/"); ok {
		r.Namespace, rest = before, after
	}
	r.Name = rest
	if r.Kind == "" || r.Namespace == "" || r.Name == "" || strings.ContainsAny(r.Name, ":/") || object.SlugName(r.Name) == "" {
		return Ref{}, fmt.Errorf("%q is not the name of an entity: write name, namespace/name or kind:namespace/name", text)
	}
	return r, nil
}

// from writes the reference as short as an entity of the namespace can, for a
// field whose usual kind is given.
func (r Ref) from(namespace, kind string) string {
	text := r.Name
	if r.Namespace != namespace {
		text = r.Namespace + "/" + text
	}
	if r.Kind != kind {
		text = r.Kind + ":" + text
	}
	return text
}

// kinds are the kinds of Stoa that entities become; every other one becomes an
// Entity.
var kinds = map[string]string{"group": "Team", "user": "User", "component": "Service", "system": "System", "api": "API"}

// object gives the object that the entity becomes. Its name is the entity's
// wherever that is a name here; else it is made of kind, namespace and name, the
// same each time.
func (r Ref) object() object.Ref {
	kind, native := kinds[r.Kind]
	var parts []string
	if !native {
		kind, parts = "Entity", append(parts, r.Kind)
	}
	if r.Namespace != DefaultNamespace {
		parts = append(parts, r.Namespace)
	}
	return object.Ref{Kind: kind, Name: nameOf(append(parts, r.Name), r.String())}
}

// team gives the team that a group is, or that stands for a person who owns
// something: whatever owns is a team here.
func (r Ref) team() object.Ref {
	if r.Kind == "user" {
		return object.Ref{Kind: "Team", Name: nameOf([]string{"user", r.object().Name}, r.String())}
	}
	return Ref{"group", r.Namespace, r.Name}.object()
}

// nameOf joins parts to a name. What is too long for one is cut, and told apart
// from others that begin alike by a digest of the whole.
func nameOf(parts []string, whole string) string {
	var slugs []string
	cut := false
	for _, part := range parts {
		slug := part
		if !object.ValidName(part) {
			slug = object.SlugName(part)
			cut = cut || len(part) > object.MaxName || slug == "" // nothing is left of signs alone
		}
		if slug != "" {
			slugs = append(slugs, slug)
		}
	}
	name := strings.Join(slugs, "-")
	if len(name) <= object.MaxName && !cut {
		return name
	}
	sum := sha256.Sum256([]byte(whole))
	digest := hex.EncodeToString(sum[:4])
	return strings.TrimLeft(strings.TrimRight(name[:min(len(name), object.MaxName-len(digest)-1)], "-")+"-"+digest, "-")
}
