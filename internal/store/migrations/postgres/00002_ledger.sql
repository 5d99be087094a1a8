-- +goose Up
-- Names that events carry, numbered in the order in which they first came.
CREATE TABLE dim (
    id   BIGINT PRIMARY KEY,
    kind BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    UNIQUE (kind, name)
);

-- The one row that every append locks: the last sequence and dimension given.
CREATE TABLE ledger_head (
    one  BIGINT PRIMARY KEY CHECK (one = 1),
    seq  BIGINT NOT NULL,
    dims BIGINT NOT NULL
);
INSERT INTO ledger_head (one, seq, dims) VALUES (1, 0, 0);

-- Times are microseconds since 1970, UTC; dimensions are dim.id, 0 for none.
-- envelope holds the bytes as they were hashed; payload_hash is empty for an
-- event without payload.
CREATE TABLE events (
    seq          BIGINT NOT NULL,
    time         BIGINT NOT NULL,
    received     BIGINT NOT NULL,
    type         BIGINT NOT NULL,
    source       BIGINT NOT NULL,
    actor        BIGINT NOT NULL,
    team         BIGINT NOT NULL,
    service      BIGINT NOT NULL,
    capability   BIGINT NOT NULL,
    environment  BIGINT NOT NULL,
    subject      TEXT NOT NULL,
    envelope     BYTEA NOT NULL,
    payload_hash BYTEA NOT NULL,
    PRIMARY KEY (seq)
) PARTITION BY RANGE (seq);
-- Ten million events each; the sealer makes further ones ahead (see ledger_seal.go).
CREATE TABLE events_0 PARTITION OF events FOR VALUES FROM (0) TO (10000000);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (10000000) TO (20000000);
CREATE INDEX events_type ON events (type, seq);
CREATE INDEX events_actor ON events (actor, seq) WHERE actor <> 0;
CREATE INDEX events_team ON events (team, seq) WHERE team <> 0;
CREATE INDEX events_service ON events (service, seq) WHERE service <> 0;

-- Rows go when a payload is erased; every proof still holds.
CREATE TABLE event_payload (
    seq  BIGINT PRIMARY KEY,
    salt BYTEA NOT NULL,
    body BYTEA NOT NULL
);

CREATE TABLE event_key (
    k   BYTEA PRIMARY KEY,
    seq BIGINT NOT NULL
);

-- Whose payloads go with a person.
CREATE TABLE event_person (
    pseudonym TEXT COLLATE "C" NOT NULL,
    seq       BIGINT NOT NULL,
    PRIMARY KEY (pseudonym, seq)
);

CREATE TABLE tiles (
    level BIGINT NOT NULL,
    n     BIGINT NOT NULL,
    data  BYTEA NOT NULL,
    PRIMARY KEY (level, n)
);

-- Each checkpoint follows another one: two sealers cannot both follow the same.
CREATE TABLE checkpoints (
    size     BIGINT PRIMARY KEY,
    previous BIGINT NOT NULL UNIQUE,
    note     TEXT NOT NULL
);

CREATE TABLE ledger_key (
    one     BIGINT PRIMARY KEY CHECK (one = 1),
    private TEXT NOT NULL
);

CREATE TABLE persons (
    principal TEXT COLLATE "C" PRIMARY KEY,
    pseudonym TEXT COLLATE "C" NOT NULL UNIQUE
);

-- Who may speak for a source: owner is a pseudonym, kind what it is ("user", "token").
CREATE TABLE sources (
    source TEXT COLLATE "C" PRIMARY KEY,
    owner  TEXT COLLATE "C" NOT NULL,
    kind   TEXT NOT NULL
);
CREATE INDEX sources_owner ON sources (owner);

CREATE TABLE projections (
    name      TEXT COLLATE "C" PRIMARY KEY,
    version   BIGINT NOT NULL,
    watermark BIGINT NOT NULL,
    error_seq BIGINT NOT NULL,
    error     TEXT NOT NULL,
    failed_at BIGINT NOT NULL
);

-- The processes that gather usage, so that what a crash lost is known.
CREATE TABLE usage_gatherers (
    id      TEXT COLLATE "C" PRIMARY KEY,
    flushed BIGINT NOT NULL
);
