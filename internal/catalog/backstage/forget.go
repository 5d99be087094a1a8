package backstage

import (
	"fmt"
	"maps"

	"github.com/stoa-platform/stoa/internal/object"
)

// Forget takes a person out of the text that is kept of a group; changed is
// false when they are not in it. An import from a catalog that still names them
// brings them back.
func Forget(team object.Object, user string) (_ object.Object, changed bool, err error) {
	e, ok := Kept(team)
	if !ok {
		return team, false, nil
	}
	members, _ := e.refs(refMembers)
	var left []Ref
	for _, ref := range members {
		if (Ref{"user", ref.Namespace, ref.Name}).object().Name != user {
			left = append(left, ref)
		}
	}
	if len(left) == len(members) {
		return team, false, nil
	}
	if err := e.own(); err != nil {
		return team, false, fmt.Errorf("forget %s in %s: %w", user, team.Ref(), err)
	}
	e.relist([]string{"spec", refMembers.name}, refMembers.kind, members, left)
	text, err := encode(e.root)
	if err != nil {
		return team, false, fmt.Errorf("forget %s in %s: %w", user, team.Ref(), err)
	}
	team.Metadata.Annotations = maps.Clone(team.Metadata.Annotations)
	team.Metadata.Annotations[AnnotationEntity] = text
	return team, true, nil
}
