-- +goose Up
-- Summaries of who uses the platform. Days are days since 1970, months are months
-- since 1970, times microseconds since 1970, all UTC; names are dim.id, 0 for none.

-- Kinds of use, numbered in the order in which the ledger first tells of them.
CREATE TABLE use_kind (
    id         INTEGER PRIMARY KEY,
    type       INTEGER NOT NULL,
    capability INTEGER NOT NULL,
    surface    TEXT    NOT NULL,
    UNIQUE (type, capability, surface)
) STRICT;

-- How often a kind of use came on a day, for each team.
CREATE TABLE usage_day (
    kind INTEGER NOT NULL,
    day  INTEGER NOT NULL,
    team INTEGER NOT NULL,
    n    INTEGER NOT NULL,
    PRIMARY KEY (kind, day, team)
) STRICT, WITHOUT ROWID;

-- The days of a month on which a person, or a team, used something: bit 0 is the 1st.
CREATE TABLE actor_month (
    month INTEGER NOT NULL,
    actor INTEGER NOT NULL,
    kind  INTEGER NOT NULL,
    team  INTEGER NOT NULL,
    days  INTEGER NOT NULL,
    PRIMARY KEY (month, actor, kind, team)
) STRICT, WITHOUT ROWID;

CREATE TABLE team_month (
    month INTEGER NOT NULL,
    team  INTEGER NOT NULL,
    kind  INTEGER NOT NULL,
    days  INTEGER NOT NULL,
    PRIMARY KEY (month, team, kind)
) STRICT, WITHOUT ROWID;

-- The first use of each kind, by the event's own time and then by sequence.
CREATE TABLE first_use (
    team INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (team, kind)
) STRICT, WITHOUT ROWID;

-- The first step of each kind that a team took on its way onto the platform.
CREATE TABLE milestones (
    team      INTEGER NOT NULL,
    milestone TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    PRIMARY KEY (team, milestone)
) STRICT, WITHOUT ROWID;

-- Who asked for access to a team and who got or lost it: what is "asked", "granted" or
-- "revoked", person a pseudonym, "" for everybody who had asked.
CREATE TABLE access (
    seq    INTEGER NOT NULL,
    person TEXT    NOT NULL,
    team   INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    what   TEXT    NOT NULL,
    PRIMARY KEY (seq, person)
) STRICT, WITHOUT ROWID;

-- When each team first was heard of, was declared and was deleted; 0 is never.
CREATE TABLE team_seen (
    team    INTEGER PRIMARY KEY,
    since   INTEGER NOT NULL,
    created INTEGER NOT NULL,
    deleted INTEGER NOT NULL
) STRICT;

-- The first deployment of each service; path is 1 on the golden path.
CREATE TABLE service_first (
    service INTEGER PRIMARY KEY,
    team    INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    path    INTEGER NOT NULL,
    seq     INTEGER NOT NULL
) STRICT;

-- How often Stoa had to ask a person, and how often each gate refused.
CREATE TABLE question_day (
    day        INTEGER NOT NULL,
    question   TEXT    NOT NULL,
    capability INTEGER NOT NULL,
    team       INTEGER NOT NULL,
    n          INTEGER NOT NULL,
    PRIMARY KEY (day, question, capability, team)
) STRICT, WITHOUT ROWID;

CREATE TABLE gate_day (
    day  INTEGER NOT NULL,
    gate TEXT    NOT NULL,
    team INTEGER NOT NULL,
    n    INTEGER NOT NULL,
    PRIMARY KEY (day, gate, team)
) STRICT, WITHOUT ROWID;

-- Between which times the events of each block of sequences lie: what looks for
-- the events of a time need not read the others. See measure/evidence.go.
CREATE TABLE event_span (
    block INTEGER PRIMARY KEY,
    low   INTEGER NOT NULL,
    high  INTEGER NOT NULL
) STRICT;
