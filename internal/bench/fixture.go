package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// What is stored and asked for. Services are described by words of which each
// is in about fifty of ten thousand, teams own twenty each.
const (
	services   = 10_000
	teams      = services / 20
	vocabulary = 1000
)

func serviceName(i int) string { return fmt.Sprintf("shop-%05d", i) }
func teamName(i int) string    { return fmt.Sprintf("team-%03d", i%teams) }
func word(i int) string        { return fmt.Sprintf("topic%03d", i%vocabulary) }

// teamsFile declares the teams, so that the services can be theirs.
func teamsFile() []byte {
	var b bytes.Buffer
	for i := range teams {
		fmt.Fprintf(&b, "---\napiVersion: stoa.dev/v1\nkind: Team\nmetadata:\n  name: %s\n  owner: %[1]s\nspec: {}\n", teamName(i))
	}
	return b.Bytes()
}

// servicesFile declares ten thousand services in one file.
func servicesFile() []byte {
	var b bytes.Buffer
	for i := range services {
		fmt.Fprintf(&b, `---
apiVersion: stoa.dev/v1
kind: Service
metadata:
  name: %s
  owner: %s
  title: Shop %d
  description: Takes orders about %s and %s, prices %s, sends invoices for %s and %s.
  labels:
    tier: t%d
spec:
  type: backend
  language: go
  repository: https://git.example.com/shop/%[1]s
`, serviceName(i), teamName(i), i, word(i), word(i/2+7), word(i/3+11), word(i/5+13), word(i/7+17), i%3)
	}
	return b.Bytes()
}

// declare applies a file over HTTP, all or nothing, and checks that it did.
func (p *platform) declare(ctx context.Context, file []byte, want int) error {
	raw, err := p.request(ctx, "POST", "/api/v1/apply", "application/yaml", file)
	if err != nil {
		return err
	}
	var result struct {
		Items []struct {
			Outcome string `json:"outcome"`
		} `json:"items"`
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		return err
	}
	for _, item := range result.Items {
		if item.Outcome != "created" {
			return fmt.Errorf("an object was %s, want created", item.Outcome)
		}
	}
	if len(result.Items) != want {
		return fmt.Errorf("%d objects were created, want %d", len(result.Items), want)
	}
	return nil
}

// seed makes a data folder and a database that hold the teams and, if asked,
// the services, and leaves them closed, sealed and projected.
func (l *lab) seed(ctx context.Context, db database, withServices bool) (data, address string, err error) {
	if data, err = l.folder("data"); err != nil {
		return "", "", err
	}
	if address, err = db.create(ctx, l); err != nil {
		return "", "", err
	}
	p, err := l.serve(ctx, data, address)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := p.declare(ctx, teamsFile(), teams); err != nil {
		return "", "", err
	}
	if withServices {
		if err := p.declare(ctx, servicesFile(), services); err != nil {
			return "", "", err
		}
	}
	return data, address, p.settle(ctx, db, address)
}

// eventsBatch is a batch of deployments of the named services, one each
// millisecond, as CloudEvents with random ids.
func eventsBatch(n int, names []string, from time.Time) ([]byte, error) {
	events := make([]map[string]any, n)
	for i := range events {
		var id [16]byte
		_, _ = rand.Read(id[:]) // never fails
		name := names[i%len(names)]
		events[i] = map[string]any{
			"specversion": "1.0", "id": hex.EncodeToString(id[:]), "source": "https://ci.example.org/shop",
			"type": "dev.cdevents.service.deployed.0.3.0", "subject": "service/" + name,
			"time": from.Add(time.Duration(i) * time.Millisecond).Format(time.RFC3339Nano), "datacontenttype": "application/json",
			"data": map[string]any{
				"context": map[string]any{"version": "0.5.0"},
				"subject": map[string]any{"id": name, "content": map[string]any{
					"environment": map[string]any{"id": "production"}, "artifactId": "pkg:oci/shop@sha256:0011",
				}},
			},
		}
	}
	return json.Marshal(events)
}
