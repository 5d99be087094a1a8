package output

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
)

// column is one column of a table of objects: what it is called and where its
// value stands in the object.
type column struct{ head, path string }

// columns are what tells objects of a kind apart, besides their names. Kinds
// that this command does not know get what every object has.
func columns(kind string) []column {
	age := column{"AGE", "metadata.created"}
	owner := column{"OWNER", "metadata.owner"}
	switch kind {
	case "Release":
		return []column{
			{"SERVICE", "spec.service"}, {"ENVIRONMENT", "spec.environment"}, {"PHASE", "status.phase"}, {"CAUSE", "spec.cause"},
			{"COMMIT", "status.commit"}, age, {"URL", "status.url"},
		}
	case "Team":
		return []column{{"OWNERS", "spec.owners"}, {"MEMBERS", "spec.members"}, {"CONTACT", "spec.contact"}}
	case "User":
		return []column{{"TITLE", "metadata.title"}, {"ROLE", "spec.role"}, {"EMAIL", "spec.email"}, age}
	case "Environment":
		return []column{{"ORDER", "spec.order"}, {"PRODUCTION", "spec.production"}, {"DESCRIPTION", "metadata.description"}}
	case "Quota":
		return []column{{"TEAM", "spec.team"}, {"SERVICES", "spec.services"}, {"INSTANCES", "spec.instances"}, {"MEMORY", "spec.memory"}}
	case "Policy":
		return []column{{"OUTCOME", "spec.outcome"}, {"REQUIRE", "spec.require"}, {"MESSAGE", "spec.message"}}
	case "Exception":
		return []column{{"GATE", "spec.gate"}, {"TARGET", "spec.target"}, {"SUNSET", "spec.sunset"}, {"REASON", "spec.reason"}}
	case "System":
		return []column{owner, {"DOMAIN", "spec.domain"}, {"TITLE", "metadata.title"}}
	case "API":
		return []column{owner, {"TYPE", "spec.type"}, {"LIFECYCLE", "spec.lifecycle"}, {"PROVIDER", "spec.provider"}, {"CONSUMERS", "spec.consumers"}}
	case "Entity":
		return []column{owner, {"TYPE", "spec.type"}, {"TITLE", "metadata.title"}}
	case "Secret":
		return []column{owner, {"KEYS", "spec.keys"}, {"UPDATED", "metadata.updated"}}
	default:
		return []column{owner, {"TITLE", "metadata.title"}, age}
	}
}

// Objects gives head and rows of a table of objects. Of services, unwell tells
// the states of this moment that differ from what was stored.
func Objects(kind string, items []json.RawMessage, unwell []client.Unwell, now time.Time) (head []string, rows [][]string, err error) {
	if kind == "Service" {
		return serviceTable(items, unwell)
	}
	columns := columns(kind)
	head = []string{"NAME"}
	for _, col := range columns {
		head = append(head, col.head)
	}
	for _, raw := range items {
		var o map[string]any
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, nil, fmt.Errorf("decode answer: %w", err)
		}
		row := []string{Text(at(o, "metadata.name"), now)}
		for _, col := range columns {
			value := Text(at(o, col.path), now)
			if col.head == "COMMIT" && len(value) > 12 {
				value = value[:12]
			}
			row = append(row, value)
		}
		rows = append(rows, row)
	}
	return head, rows, nil
}

// serviceTable has one row for each environment that a service is in.
func serviceTable(items []json.RawMessage, unwell []client.Unwell) (head []string, rows [][]string, err error) {
	head = []string{"NAME", "OWNER", "ENVIRONMENT", "RELEASE", "STATE", "URL"}
	type place struct{ service, env string }
	states := map[place]string{}
	for _, u := range unwell {
		states[place{u.Service, u.Environment}] = u.State
	}
	for _, raw := range items {
		var s client.Service
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, nil, fmt.Errorf("decode answer: %w", err)
		}
		envs := maps.Clone(s.Status.Environments)
		for env := range s.Spec.Environments {
			if _, known := envs[env]; !known {
				if envs == nil {
					envs = map[string]client.Deployment{}
				}
				envs[env] = client.Deployment{}
			}
		}
		if len(envs) == 0 {
			rows = append(rows, []string{s.Metadata.Name, s.Metadata.Owner, "", "", catalog.StateElsewhere, ""})
		}
		for _, env := range slices.Sorted(maps.Keys(envs)) {
			d := envs[env]
			url := d.URL
			if d.State == client.StateStopped {
				url = ""
			}
			rows = append(rows, []string{s.Metadata.Name, s.Metadata.Owner, env, d.Release,
				cmp.Or(states[place{s.Metadata.Name, env}], d.State, client.StateUnreleased), url})
		}
	}
	return head, rows, nil
}

// Instances gives head and rows of a table of how instances run; that of further
// processes has their names.
func Instances(all []client.Instance, now time.Time) (head []string, rows [][]string) {
	head = []string{"INSTANCE", "RELEASE", "STATE", "PID", "PORT", "RESTARTS", "SINCE", "LAST EXIT"}
	several := slices.ContainsFunc(all, func(i client.Instance) bool { return i.Process != "" })
	if several {
		head = slices.Insert(head, 1, "PROCESS")
	}
	for _, i := range all {
		last, port := "", ""
		if i.LastExit != nil {
			last = i.LastExit.String()
		}
		if i.Port != 0 {
			port = fmt.Sprint(i.Port)
		}
		row := []string{i.ID, i.Release, i.State, fmt.Sprint(i.PID), port, fmt.Sprint(i.Restarts), Ago(i.Since, now), last}
		if several {
			row = slices.Insert(row, 1, i.Process)
		}
		rows = append(rows, row)
	}
	return head, rows
}

// at follows a dotted path into decoded JSON.
func at(v any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[part]
	}
	return v
}
