-- +goose Up
-- What the ledger says of deliveries. Names that events give to releases,
-- incidents and commits stand here as keys: 63 bits of their SHA-256, 0 for none.

-- repeated, mends, named and failed … recovered_at follow from what lies
-- around a deployment and are computed anew whenever that changes.
CREATE TABLE deployments (
    seq          INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL,
    event        INTEGER NOT NULL, -- key of the event's id; it orders what happened at the same time
    service      INTEGER NOT NULL,
    team         INTEGER NOT NULL,
    environment  INTEGER NOT NULL,
    path         INTEGER NOT NULL, -- 1 on the golden path
    cause        INTEGER NOT NULL, -- 0 none, 1 rollback, 2 hot-fix, 3 promotion
    release      INTEGER NOT NULL,
    newest       INTEGER NOT NULL, -- the commit that it is made of
    fixes        INTEGER NOT NULL, -- the incident or deployment that it says it mends
    brings       INTEGER NOT NULL, -- 0 nothing, 1 its commit, 2 the commits that it lists
    repeated     INTEGER NOT NULL DEFAULT 0, -- 1: made of the same commit as the one before
    mends        INTEGER NOT NULL DEFAULT 0, -- seq of the deployment that it mends
    named        INTEGER NOT NULL DEFAULT 0, -- 1: that deployment was named
    failed       INTEGER NOT NULL DEFAULT 0, -- 0 no, 1 linked, 2 rolled back, 3 hot-fixed, 4 incident within a day
    failed_at    INTEGER,
    recovered_at INTEGER
) STRICT;
CREATE INDEX deployments_series ON deployments (service, environment, at, event, seq);
CREATE INDEX deployments_at ON deployments (environment, at);
CREATE INDEX deployments_release ON deployments (release) WHERE release <> 0;
CREATE INDEX deployments_event ON deployments (event);
CREATE INDEX deployments_fixes ON deployments (fixes) WHERE fixes <> 0;
CREATE INDEX deployments_mends ON deployments (mends) WHERE mends <> 0;

-- The commits that a deployment brought; at is when they were made. own is 0
-- where the deployment did not say it, so that it may come from commit_times.
CREATE TABLE changes (
    deployment INTEGER NOT NULL,
    n          INTEGER NOT NULL,
    change     INTEGER NOT NULL,
    own        INTEGER NOT NULL,
    at         INTEGER,
    PRIMARY KEY (deployment, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX changes_borrowed ON changes (change) WHERE own = 0;

CREATE TABLE commit_times (
    change INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL
) STRICT;

-- What each event said of an incident, and what follows from all of them.
CREATE TABLE incident_facts (
    incident    INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    name        INTEGER NOT NULL, -- key of the incident's id
    at          INTEGER NOT NULL,
    event       INTEGER NOT NULL,
    resolved    INTEGER NOT NULL, -- 0: it began; 1: it is over; 2: somebody tells of it
    service     INTEGER NOT NULL,
    team        INTEGER NOT NULL,
    environment INTEGER NOT NULL,
    caused_by   INTEGER NOT NULL,
    PRIMARY KEY (incident, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE incidents (
    incident    INTEGER PRIMARY KEY, -- key of source and id
    name        INTEGER NOT NULL,    -- key of the id
    seq         INTEGER NOT NULL,    -- the event that first told of it
    started     INTEGER,
    resolved    INTEGER,
    service     INTEGER NOT NULL,
    team        INTEGER NOT NULL,
    environment INTEGER NOT NULL,
    caused_by   INTEGER NOT NULL     -- the release or event that it names as its cause
) STRICT;
CREATE INDEX incidents_started ON incidents (started);
CREATE INDEX incidents_service ON incidents (service, started);
CREATE INDEX incidents_name ON incidents (name);
CREATE INDEX incidents_caused_by ON incidents (caused_by) WHERE caused_by <> 0;

-- The deployment behind an incident; one that names no environment may have
-- one in each.
CREATE TABLE incident_links (
    incident    INTEGER NOT NULL,
    environment INTEGER NOT NULL,
    deployment  INTEGER NOT NULL,
    named       INTEGER NOT NULL, -- 1: the incident names it
    PRIMARY KEY (incident, environment)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_links_deployment ON incident_links (deployment);

CREATE TABLE failed_pipelines (
    seq         INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    service     INTEGER NOT NULL,
    team        INTEGER NOT NULL,
    environment INTEGER NOT NULL,
    path        INTEGER NOT NULL
) STRICT;
CREATE INDEX failed_pipelines_at ON failed_pipelines (at);

-- All that measures read of the deployments of one service and team in 30 days,
-- packed, so that a year is read at once. period is day / 30.
CREATE TABLE delivery_period (
    environment INTEGER NOT NULL,
    period      INTEGER NOT NULL,
    service     INTEGER NOT NULL,
    team        INTEGER NOT NULL,
    path        INTEGER NOT NULL,
    packed      BLOB    NOT NULL,
    PRIMARY KEY (environment, period, service, team, path)
) STRICT, WITHOUT ROWID;
