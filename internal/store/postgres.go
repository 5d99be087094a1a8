package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store/bulk"
)

// postgresConnections bounds the pool of one replica; the server's default
// allows 100 in all.
const postgresConnections = 20

// openPostgres opens one pool for reading and writing. The driver prepares each
// statement once per connection.
func (s *Store) openPostgres(url string) error {
	config, err := pgx.ParseConfig(url)
	if err != nil { // its text hides the password
		return problem.New(problem.Invalid, "open database: %w", err)
	}
	defaults := map[string]string{
		"application_name": "stoa",
		"timezone":         "UTC",
		// A replica that hangs, or is cut off, inside a transaction must not
		// hold the ledger's head for ever.
		"idle_in_transaction_session_timeout": "60000",
		"lock_timeout":                        "45000",
	}
	for name, value := range defaults {
		if _, given := config.RuntimeParams[name]; !given {
			config.RuntimeParams[name] = value
		}
	}
	s.dialect = postgresDialect()
	s.bulk = bulk.NewRunner(s.dialect.bulk)
	s.writer = stdlib.OpenDB(*config)
	s.writer.SetMaxOpenConns(postgresConnections)
	s.writer.SetMaxIdleConns(postgresConnections)
	s.writer.SetConnMaxIdleTime(5 * time.Minute)
	s.reader = s.writer
	return nil
}

func postgresDialect() dialect {
	return dialect{
		name:       "postgres",
		bulk:       bulk.Dialect{Sizes: []int{64, 8, 1}, Arrays: true, InsertEnding: "INSERT INTO "},
		collate:    ` COLLATE "C"`,
		forUpdate:  " FOR UPDATE",
		late:       "SET LOCAL synchronous_commit TO off",
		lockShared: "SELECT pg_advisory_lock_shared(hashtextextended($1, 0))",
		tryLock:    "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))",
		lock:       "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
		// Of documents and search terms no statistics are used, and those cost the most.
		analyze: "ANALYZE objects (uid, kind, name, owner), object_history (kind, name, version), object_labels, object_fields, object_search (uid)",
		empty:   "TRUNCATE TABLE ",
		vacuum:  "VACUUM (ANALYZE)",
		search: searchDialect{
			key: "uid", tokens: "array_to_tsvector(string_to_array(%s, ' '))", match: "object_search.tokens @@ %s::tsquery", or: " | ",
			query: func(terms []string) string { return `'` + strings.Join(terms, `' & '`) + `':*` },
		},
		tables:   postgresTables,
		copyIn:   copyPostgres,
		classify: classifyPostgres,
	}
}

// copyPostgres inserts rows by COPY.
func copyPostgres(ctx context.Context, conn *sql.Conn, table string, columns []string, rows [][]any) error {
	return conn.Raw(func(driver any) error {
		own, ok := driver.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("copy into %s: the connection is a %T", table, driver)
		}
		_, err := own.Conn().CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
		return err
	})
}

// postgresTables gives a row for each column: table, column, type in lower
// case, its place in the primary key from 1, or 0. Partitions are part of their
// table; what full-text search keeps is left out: it follows from the rest.
const postgresTables = `
	SELECT t.relname, c.attname, format_type(c.atttypid, NULL),
	       coalesce(array_position(k.conkey, c.attnum), 0)
	FROM pg_class t
	JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
	LEFT JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'p'
	WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
	  AND t.relname <> 'object_search'
	ORDER BY t.relname COLLATE "C", c.attnum`

func classifyPostgres(err error) fault {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		var connect *pgconn.ConnectError
		var network net.Error
		if errors.As(err, &connect) || errors.As(err, &network) {
			return faultUnreachable
		}
		return faultNone
	}
	switch e.Code {
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return faultRetry
	case "55P03": // lock_not_available
		return faultLocked
	case "23505": // unique_violation
		return faultUnique
	case "53100": // disk_full
		return faultDiskFull
	case "25006": // read_only_sql_transaction
		return faultReadOnly
	case "22021", "22P05": // character_not_in_repertoire, untranslatable_character
		return faultText
	case "57014": // query_canceled
		return faultInterrupted
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return faultDamaged
	case "58030": // io_error
		return faultIO
	}
	switch e.Code[:2] {
	case "54": // program limit exceeded
		return faultTooLarge
	case "08", "57", "53", "28", "3D": // connection, operator intervention, resources, authorization, no such database
		return faultUnreachable
	}
	return faultNone
}
