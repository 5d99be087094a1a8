-- +goose Up
-- Names that events carry, numbered in the order in which they first came.
CREATE TABLE dim (
    id   INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    name TEXT    NOT NULL,
    UNIQUE (kind, name)
) STRICT;

-- The one row that every append locks: the last sequence and dimension given.
CREATE TABLE ledger_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    dims INTEGER NOT NULL
) STRICT;
INSERT INTO ledger_head (one, seq, dims) VALUES (1, 0, 0);

-- Times are microseconds since 1970, UTC; dimensions are dim.id, 0 for none.
-- envelope holds the bytes as they were hashed; payload_hash is empty for an
-- event without payload.
CREATE TABLE events (
    seq          INTEGER PRIMARY KEY,
    time         INTEGER NOT NULL,
    received     INTEGER NOT NULL,
    type         INTEGER NOT NULL,
    source       INTEGER NOT NULL,
    actor        INTEGER NOT NULL,
    team         INTEGER NOT NULL,
    service      INTEGER NOT NULL,
    capability   INTEGER NOT NULL,
    environment  INTEGER NOT NULL,
    subject      TEXT    NOT NULL,
    envelope     BLOB    NOT NULL,
    payload_hash BLOB    NOT NULL
) STRICT;
CREATE INDEX events_type ON events (type, seq);
CREATE INDEX events_actor ON events (actor, seq) WHERE actor <> 0;
CREATE INDEX events_team ON events (team, seq) WHERE team <> 0;
CREATE INDEX events_service ON events (service, seq) WHERE service <> 0;

-- Rows go when a payload is erased; every proof still holds.
CREATE TABLE event_payload (
    seq  INTEGER PRIMARY KEY,
    salt BLOB    NOT NULL,
    body BLOB    NOT NULL
) STRICT;

CREATE TABLE event_key (
    k   BLOB    PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whose payloads go with a person.
CREATE TABLE event_person (
    pseudonym TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    PRIMARY KEY (pseudonym, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE tiles (
    level INTEGER NOT NULL,
    n     INTEGER NOT NULL,
    data  BLOB    NOT NULL,
    PRIMARY KEY (level, n)
) STRICT, WITHOUT ROWID;

-- Each checkpoint follows another one: two sealers cannot both follow the same.
CREATE TABLE checkpoints (
    size     INTEGER PRIMARY KEY,
    previous INTEGER NOT NULL UNIQUE,
    note     TEXT    NOT NULL
) STRICT;

CREATE TABLE ledger_key (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    private TEXT    NOT NULL
) STRICT;

CREATE TABLE persons (
    principal TEXT PRIMARY KEY,
    pseudonym TEXT NOT NULL UNIQUE
) STRICT;

-- Who may speak for a source: owner is a pseudonym, kind what it is ("user", "token").
CREATE TABLE sources (
    source TEXT PRIMARY KEY,
    owner  TEXT NOT NULL,
    kind   TEXT NOT NULL
) STRICT;
CREATE INDEX sources_owner ON sources (owner);

CREATE TABLE projections (
    name      TEXT    PRIMARY KEY,
    version   INTEGER NOT NULL,
    watermark INTEGER NOT NULL,
    error_seq INTEGER NOT NULL,
    error     TEXT    NOT NULL,
    failed_at INTEGER NOT NULL
) STRICT;

-- The processes that gather usage, so that what a crash lost is known.
CREATE TABLE usage_gatherers (
    id      TEXT    PRIMARY KEY,
    flushed INTEGER NOT NULL
) STRICT;
