-- +goose Up
-- Summaries of who uses the platform. Days are days since 1970, months are months
-- since 1970, times microseconds since 1970, all UTC; names are dim.id, 0 for none.

-- Kinds of use, numbered in the order in which the ledger first tells of them.
CREATE TABLE use_kind (
    id         BIGINT PRIMARY KEY,
    type       BIGINT NOT NULL,
    capability BIGINT NOT NULL,
    surface    TEXT COLLATE "C" NOT NULL,
    UNIQUE (type, capability, surface)
);

-- How often a kind of use came on a day, for each team.
CREATE TABLE usage_day (
    kind BIGINT NOT NULL,
    day  BIGINT NOT NULL,
    team BIGINT NOT NULL,
    n    BIGINT NOT NULL,
    PRIMARY KEY (kind, day, team)
);

-- The days of a month on which a person, or a team, used something: bit 0 is the 1st.
CREATE TABLE actor_month (
    month BIGINT NOT NULL,
    actor BIGINT NOT NULL,
    kind  BIGINT NOT NULL,
    team  BIGINT NOT NULL,
    days  BIGINT NOT NULL,
    PRIMARY KEY (month, actor, kind, team)
);

CREATE TABLE team_month (
    month BIGINT NOT NULL,
    team  BIGINT NOT NULL,
    kind  BIGINT NOT NULL,
    days  BIGINT NOT NULL,
    PRIMARY KEY (month, team, kind)
);

-- The first use of each kind, by the event's own time and then by sequence.
CREATE TABLE first_use (
    team BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    at   BIGINT NOT NULL,
    seq  BIGINT NOT NULL,
    PRIMARY KEY (team, kind)
);

-- The first step of each kind that a team took on its way onto the platform.
CREATE TABLE milestones (
    team      BIGINT NOT NULL,
    milestone TEXT COLLATE "C" NOT NULL,
    at        BIGINT NOT NULL,
    seq       BIGINT NOT NULL,
    PRIMARY KEY (team, milestone)
);

-- Who asked for access to a team and who got or lost it: what is "asked", "granted" or
-- "revoked", person a pseudonym, "" for everybody who had asked.
CREATE TABLE access (
    seq    BIGINT NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    team   BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    what   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (seq, person)
);

-- When each team first was heard of, was declared and was deleted; 0 is never.
CREATE TABLE team_seen (
    team    BIGINT PRIMARY KEY,
    since   BIGINT NOT NULL,
    created BIGINT NOT NULL,
    deleted BIGINT NOT NULL
);

-- The first deployment of each service; path is 1 on the golden path.
CREATE TABLE service_first (
    service BIGINT PRIMARY KEY,
    team    BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    path    BIGINT NOT NULL,
    seq     BIGINT NOT NULL
);

-- How often Stoa had to ask a person, and how often each gate refused.
CREATE TABLE question_day (
    day        BIGINT NOT NULL,
    question   TEXT COLLATE "C" NOT NULL,
    capability BIGINT NOT NULL,
    team       BIGINT NOT NULL,
    n          BIGINT NOT NULL,
    PRIMARY KEY (day, question, capability, team)
);

CREATE TABLE gate_day (
    day  BIGINT NOT NULL,
    gate TEXT COLLATE "C" NOT NULL,
    team BIGINT NOT NULL,
    n    BIGINT NOT NULL,
    PRIMARY KEY (day, gate, team)
);

-- Between which times the events of each block of sequences lie: what looks for
-- the events of a time need not read the others. See measure/evidence.go.
CREATE TABLE event_span (
    block BIGINT PRIMARY KEY,
    low   BIGINT NOT NULL,
    high  BIGINT NOT NULL
);
