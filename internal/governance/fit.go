package governance

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/catalog"
)

// room is what a quota leaves to a change that it refuses.
type room struct {
	quota  string
	left   int64 // services
	over   usage // by how much the change passes each limit
	grown  *growth
	others []catalog.Service // of the team, that the change leaves alone
}

// remedies are what the team can do now: ask for as much as fits, or give back.
func (r room) remedies(dim dimension) []string {
	var next []string
	if dim.what == "services" {
		if r.left > 0 {
			next = append(next, fmt.Sprintf("ask for %d of them    so many fit now", r.left))
		}
		if len(r.others) > 0 {
			next = append(next, "stoa delete service NAME    removes one that is not used any more")
		}
	} else {
		if r.grown != nil && r.over.services == 0 {
			next = append(next, r.grown.fits(r.over)...)
		}
		next = append(next, r.giveBack(dim)...)
	}
	if len(next) == 0 {
		next = append(next, "ask @platform to raise quota/"+r.quota)
	}
	return next
}

// giveBack tells how the service that takes the most could take less, where it runs most.
func (r room) giveBack(dim dimension) []string {
	var service, env string
	var largest size
	var most int64
	for _, s := range r.others {
		for name, running := range s.Spec.Environments {
			at := sizeOf(running)
			takes := dim.of(usage{instances: at.replicas, memory: at.replicas * at.memory})
			if takes > most || takes == most && takes > 0 && s.Metadata.Name+"/"+name < service+"/"+env {
				service, env, largest, most = s.Metadata.Name, name, at, takes
			}
		}
	}
	if most == 0 {
		return nil
	}
	fewer := largest.replicas - max(r.over.instances, ceil(r.over.memory, max(1, largest.memory)))
	switch {
	case fewer >= 1:
		return []string{fmt.Sprintf("stoa scale %s --replicas %d --env %s    makes room for it", service, fewer, env)}
	case largest.replicas > 1:
		return []string{fmt.Sprintf("stoa scale %s --replicas 1 --env %s    gives the others back", service, env)}
	default:
		return []string{fmt.Sprintf("stoa down %s --env %s    gives its instance back", service, env)}
	}
}

// without are the services that a change leaves as they are.
func without(owned []catalog.Service, wanted map[string]catalog.Service) []catalog.Service {
	return slices.DeleteFunc(slices.Clone(owned), func(s catalog.Service) bool {
		_, changes := wanted[s.Metadata.Name]
		return changes
	})
}

// size is how many instances run somewhere, and the memory of each.
type size struct{ replicas, memory int64 }

func sizeOf(r catalog.Running) size {
	memory, err := catalog.ParseBytes(cmp.Or(r.Memory, catalog.DefaultMemory))
	if err != nil {
		return size{} // validation has refused it
	}
	return size{int64(r.Replicas), memory}
}

func (s size) exceeds(t size) bool {
	return s.replicas > t.replicas || s.replicas*s.memory > t.replicas*t.memory
}

// growth is the one place that a change enlarges.
type growth struct {
	service, env string
	was, want    size
	draft        *admission.Draft
	deploys      bool
}

// growing finds the one place where a service shall be larger than it is, nil
// when there are several: then nothing says which of them should be smaller.
func growing(c *admission.Change, owned []catalog.Service, wanted map[string]catalog.Service) *growth {
	is := map[string]catalog.Service{}
	for _, s := range owned {
		is[s.Metadata.Name] = s
	}
	var found *growth
	for name, s := range wanted {
		for env, running := range s.Spec.Environments {
			was, want := size{}, sizeOf(running)
			if before, there := is[name].Spec.Environments[env]; there {
				was = sizeOf(before)
			}
			if !want.exceeds(was) {
				continue
			}
			if found != nil {
				return nil
			}
			found = &growth{service: name, env: env, was: was, want: want, draft: c.Find(s.Ref()), deploys: c.Touches("Release")}
		}
	}
	return found
}

// fits are the ways to ask for less that pass every limit: smaller instances,
// or fewer. What the team has already is no way.
func (g growth) fits(over usage) []string {
	var ways []string
	if over.instances == 0 {
		each := size{g.want.replicas, roundMemory(g.want.memory - ceil(over.memory, g.want.replicas))}
		if each.memory > 0 && each.exceeds(g.was) {
			ways = append(ways, g.ask("memory", memoryText(each.memory))...)
		}
	}
	fewer := size{g.want.replicas - max(over.instances, ceil(over.memory, g.want.memory)), g.want.memory}
	if fewer.replicas > 0 && fewer.exceeds(g.was) {
		ways = append(ways, g.ask("replicas", number(fewer.replicas))...)
	}
	return ways
}

// ask says how to ask for a value in the way that was taken here.
func (g growth) ask(field, value string) []string {
	switch {
	case g.deploys:
		return []string{fmt.Sprintf("the same stoa up with --%s %s    fits now", field, value)}
	case g.draft != nil && g.draft.Lines != nil:
		return []string{fmt.Sprintf("spec.environments.%s.%s: %s    in service %s fits now", g.env, field, value, g.service)}
	case field == "replicas":
		return []string{fmt.Sprintf("stoa scale %s --replicas %s --env %s    fits now", g.service, value, g.env)}
	default:
		return nil // scaling changes no memory
	}
}

func ceil(n, by int64) int64 { return (n + by - 1) / by }

// roundMemory rounds down to what people write.
func roundMemory(bytes int64) int64 { return bytes >> 20 << 20 }

// memoryText writes whole mebibytes as a quantity, which FormatBytes does not.
func memoryText(bytes int64) string {
	if mebi := bytes >> 20; mebi%1024 != 0 {
		return fmt.Sprintf("%dMi", mebi)
	}
	return fmt.Sprintf("%dGi", bytes>>30)
}
