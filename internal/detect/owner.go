package detect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// owner suggests a team: CODEOWNERS, then catalog-info.yaml, then whoever
// committed most of late.
func (s *scan) owner(d *draft) error {
	if err := s.ownerByCodeowners(d); err != nil || d.Owner != "" {
		return err
	}
	if err := s.ownerByCatalog(d); err != nil || d.Owner != "" {
		return err
	}
	if top := s.opts.Origin.TopAuthors; len(top) > 0 {
		total := 0
		for _, a := range top {
			total += a.Commits
		}
		d.setOwner(label(top[0].Name), fmt.Sprintf("%d of %d commits in 90 days", top[0].Commits, total), guess)
	}
	return nil
}

func (s *scan) ownerByCodeowners(d *draft) error {
	owners, source := s.opts.Origin.Codeowners, s.opts.Origin.CodeownersSource
	if file := s.src.first(".", codeownersFiles...); file != "" && (s.opts.Origin.Path == "" || s.opts.Origin.Path == ".") {
		data, err := s.src.manifest(file)
		if err != nil {
			return err
		}
		owners, source = ParseCodeowners(file, data).of(d.Dir)
	}
	if team, confidence := teamOf(owners); team != "" {
		d.setOwner(team, source, confidence)
	}
	return nil
}

// teamOf chooses the team among owners: one of an organisation, a bare group,
// and only then a person's address.
func teamOf(owners []string) (string, float64) {
	for _, o := range owners {
		if name, ok := strings.CutPrefix(o, "@"); ok && strings.Contains(name, "/") {
			return label(path.Base(name)), stated
		}
	}
	for _, o := range owners {
		if name, ok := strings.CutPrefix(o, "@"); ok {
			return label(name), likely
		}
	}
	for _, o := range owners {
		if name, _, ok := strings.Cut(o, "@"); ok {
			return label(name), guess
		}
	}
	return "", 0
}

// ownerByCatalog reads the owner of a Backstage component.
func (s *scan) ownerByCatalog(d *draft) error {
	file := s.src.first(d.Dir, "catalog-info.yaml", "catalog-info.yml")
	data, err := s.src.manifest(file)
	if err != nil || data == nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for range 100 {
		var doc struct {
			Kind string
			Spec struct{ Owner string }
		}
		if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return yamlError(file, err)
		}
		if doc.Spec.Owner != "" && doc.Kind == "Component" {
			owner := doc.Spec.Owner
			team := owner[strings.LastIndexAny(owner, ":/")+1:] // group:default/payments
			d.setOwner(label(team), find(file, data, "owner: "+owner), stated)
			return nil
		}
	}
	return nil
}
