package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// plainQueries are what somebody would ask the events themselves for the rows of
// the scorecard that a simulated year has data for. They leave out what the
// measures know beyond: renamed teams, people in several teams, late evidence,
// intervals, and what counts as a use. $type_… is the id of a type, $production
// that of the environment, {a} and {b} are the bounds of the time.
var plainQueries = []string{
	// teams that use the platform
	"SELECT count(DISTINCT team) FROM events WHERE type = $type_usage AND team <> 0 AND time >= {a} AND time < {b}",
	// time to first deployment of teams that were granted access in this time
	`SELECT avg(d.at - g.at) FROM (SELECT team, min(time) AS at FROM events WHERE type = $type_granted GROUP BY team) g
		JOIN (SELECT team, min(time) AS at FROM events WHERE type = $type_deployed AND environment = $production AND capability <> 0 GROUP BY team) d ON d.team = g.team
		WHERE g.at >= {a} AND g.at < {b}`,
	// deployments, and services that were deployed
	"SELECT count(*), count(DISTINCT service) FROM events WHERE type IN ($type_deployed, $type_upgraded, $type_rolledback) AND environment = $production AND time >= {a} AND time < {b}",
	// lead time
	`SELECT avg(e.time / 1e6 - {committed}) FROM events e JOIN event_payload p ON p.seq = e.seq
		WHERE e.type IN ($type_deployed, $type_upgraded) AND e.environment = $production AND e.time >= {a} AND e.time < {b}`,
	// deployments that an incident followed within a day
	`WITH i AS MATERIALIZED (SELECT service, time FROM events WHERE type = $type_detected) SELECT count(DISTINCT d.seq) FROM events d CROSS JOIN i
		WHERE i.service = d.service AND i.time >= d.time AND i.time < d.time + 86400000000 AND d.type IN ($type_deployed, $type_upgraded) AND d.environment = $production AND d.time >= {a} AND d.time < {b}`,
	// time to recover
	`SELECT avg(ended - began) FROM (SELECT {subject} AS id, min(CASE e.type WHEN $type_detected THEN e.time END) AS began,
		max(CASE e.type WHEN $type_resolved THEN e.time END) AS ended
		FROM events e JOIN event_payload p ON p.seq = e.seq WHERE e.type IN ($type_detected, $type_resolved) AND e.time >= {a} GROUP BY 1) AS incidents
		WHERE began < {b}`,
	// tickets for each 100 users
	`SELECT 100.0 * (SELECT count(*) FROM events WHERE type = $type_ticket AND time >= {a} AND time < {b}) /
		nullif((SELECT count(DISTINCT actor) FROM events WHERE type = $type_usage AND actor <> 0 AND time >= {a} AND time < {b}), 0)`,
	// requests for features
	`SELECT count(*) FROM events e JOIN event_payload p ON p.seq = e.seq
		WHERE e.type = $type_ticket AND e.time >= {a} AND e.time < {b} AND {kind} = 'feature'`,
}

// plainTypes are the types in them.
var plainTypes = map[string]string{
	"usage": "dev.stoa.usage.recorded", "granted": "dev.stoa.access.granted", "deployed": "dev.cdevents.service.deployed.0.3.0",
	"upgraded": "dev.cdevents.service.upgraded.0.3.0", "rolledback": "dev.cdevents.service.rolledback.0.3.0",
	"detected": "dev.cdevents.incident.detected.0.3.0", "resolved": "dev.cdevents.incident.resolved.0.3.0",
	"ticket": "dev.cdevents.ticket.created.0.2.0",
}

// plainScorecard runs the queries for a time and the one before it.
func plainScorecard(ctx context.Context, db database, pool *sql.DB, w window) (time.Duration, error) {
	length := w.to.Sub(w.from)
	var all []string
	for _, query := range plainQueries {
		query, err := boundQuery(ctx, db, pool, query)
		if err != nil {
			return 0, err
		}
		for _, from := range []time.Time{w.from, w.from.Add(-length)} {
			all = append(all, strings.NewReplacer("{a}", fmt.Sprint(from.UnixMicro()), "{b}", fmt.Sprint(from.Add(length).UnixMicro())).Replace(query))
		}
	}
	began := time.Now()
	for _, query := range all {
		if _, err := read(ctx, pool, query); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

// boundQuery writes the ids of dimensions and the database's own functions into
// a query.
func boundQuery(ctx context.Context, db database, pool *sql.DB, query string) (string, error) {
	id := func(name string) (id int64, err error) {
		err = pool.QueryRowContext(ctx, db.bind("SELECT id FROM dim WHERE name = $1 ORDER BY kind DESC LIMIT 1"), name).Scan(&id)
		if err != nil {
			err = fmt.Errorf("find %s: %w", name, err)
		}
		return id, err
	}
	for name, full := range plainTypes {
		if mark := "$type_" + name; strings.Contains(query, mark) {
			n, err := id(full)
			if err != nil {
				return "", err
			}
			query = strings.ReplaceAll(query, mark, fmt.Sprint(n))
		}
	}
	n, err := id("production")
	if err != nil {
		return "", err
	}
	seconds := "extract(epoch FROM (%s)::timestamptz)"
	document := func(path ...string) string {
		return "convert_from(p.body, 'UTF8')::jsonb #>> '{" + strings.Join(path, ",") + "}'"
	}
	if _, ok := db.(sqliteFiles); ok {
		seconds = "unixepoch(%s, 'subsec')"
		document = func(path ...string) string {
			return "json_extract(CAST(p.body AS TEXT), '$." + strings.Join(path, ".") + "')"
		}
	}
	return strings.NewReplacer("$production", fmt.Sprint(n),
		"{committed}", fmt.Sprintf(seconds, document("customData", "commitTime")),
		"{subject}", document("subject", "id"),
		"{kind}", document("subject", "content", "ticketType"),
	).Replace(query), nil
}
