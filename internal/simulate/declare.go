package simulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Labels of all that is simulated.
const (
	// LabelSimulated is "true" on every object that a simulation declared.
	LabelSimulated = "stoa.dev/simulated"
	// LabelSimulation is the name of the organisation that it belongs to.
	LabelSimulation = "stoa.dev/simulation"
)

// declared is an object as it is applied.
type declared struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
	Spec       any      `json:"spec"`
}

type metadata struct {
	Name   string            `json:"name"`
	Owner  string            `json:"owner,omitempty"`
	Labels map[string]string `json:"labels"`
}

type userSpec struct {
	Email string `json:"email"`
}

type teamSpec struct {
	Owners   []string `json:"owners"`
	Members  []string `json:"members,omitempty"`
	Contact  string   `json:"contact"`
	Formerly []string `json:"formerly,omitempty"`
}

type serviceSpec struct {
	Type       string `json:"type"`
	Language   string `json:"language"`
	Repository string `json:"repository"`
}

type capabilitySpec struct {
	Title    string   `json:"title"`
	Segments []string `json:"segments,omitempty"` // none is all
}

type environmentSpec struct {
	Production bool `json:"production,omitempty"`
	Order      int  `json:"order"`
}

// objects are the people, teams and services that there are at the end, the
// capabilities that are not Stoa's, and those of the environments that are missing.
func (w *world) objects(missing []string) []declared {
	name := w.options.Name()
	var all []declared
	add := func(kind, called, owner string, labels map[string]string, spec any) {
		of := map[string]string{LabelSimulated: "true", LabelSimulation: name}
		for k, v := range labels {
			of[k] = v
		}
		all = append(all, declared{"stoa.dev/v1", kind, metadata{called, owner, of}, spec})
	}
	for _, e := range missing {
		add("Environment", e, "", nil, environmentSpec{Production: e == production, Order: 50})
	}
	add("Capability", kafka, "", nil, capabilitySpec{"Kafka", kafkaSegments})
	add("Capability", testRuns, "", nil, capabilitySpec{"Test runs", nil})
	for _, p := range w.people {
		add("User", p.name, "", nil, userSpec{p.name + "@example.org"})
	}
	for _, t := range w.teams {
		spec := teamSpec{Owners: []string{t.lead().person.name}, Contact: "#" + t.name}
		for _, m := range t.members[1:] {
			if m.person.hired < w.calendar.days && m.person.left >= w.calendar.days {
				spec.Members = append(spec.Members, m.person.name)
			}
		}
		slices.Sort(spec.Members)
		if t.former != "" {
			spec.Formerly = []string{t.former}
		}
		add("Team", t.name, "", map[string]string{"segment": t.segment.Name, "wave": t.wave}, spec)
	}
	for _, s := range w.services {
		add("Service", s.name, s.team.name, nil, serviceSpec{s.kind, s.team.segment.Language, "https://git.example.org/" + s.team.firstName() + "/" + s.name})
	}
	return all
}

// document writes objects as one stream of documents.
func document(objects []declared) ([]byte, error) {
	var out bytes.Buffer
	for _, o := range objects {
		raw, err := json.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("encode %s %s: %w", o.Kind, o.Metadata.Name, err)
		}
		out.WriteString("---\n")
		out.Write(raw)
		out.WriteByte('\n')
	}
	return out.Bytes(), nil
}
