-- +goose Up
-- What the ledger says of deliveries. Names that events give to releases,
-- incidents and commits stand here as keys: 63 bits of their SHA-256, 0 for none.

-- repeated, mends, named and failed … recovered_at follow from what lies
-- around a deployment and are computed anew whenever that changes.
CREATE TABLE deployments (
    seq          BIGINT PRIMARY KEY,
    at           BIGINT NOT NULL,
    event        BIGINT NOT NULL, -- key of the event's id; it orders what happened at the same time
    service      BIGINT NOT NULL,
    team         BIGINT NOT NULL,
    environment  BIGINT NOT NULL,
    path         BIGINT NOT NULL, -- 1 on the golden path
    cause        BIGINT NOT NULL, -- 0 none, 1 rollback, 2 hot-fix, 3 promotion
    release      BIGINT NOT NULL,
    newest       BIGINT NOT NULL, -- the commit that it is made of
    fixes        BIGINT NOT NULL, -- the incident or deployment that it says it mends
    brings       BIGINT NOT NULL, -- 0 nothing, 1 its commit, 2 the commits that it lists
    repeated     BIGINT NOT NULL DEFAULT 0, -- 1: made of the same commit as the one before
    mends        BIGINT NOT NULL DEFAULT 0, -- seq of the deployment that it mends
    named        BIGINT NOT NULL DEFAULT 0, -- 1: that deployment was named
    failed       BIGINT NOT NULL DEFAULT 0, -- 0 no, 1 linked, 2 rolled back, 3 hot-fixed, 4 incident within a day
    failed_at    BIGINT,
    recovered_at BIGINT
);
CREATE INDEX deployments_series ON deployments (service, environment, at, event, seq);
CREATE INDEX deployments_at ON deployments (environment, at);
CREATE INDEX deployments_release ON deployments (release) WHERE release <> 0;
CREATE INDEX deployments_event ON deployments (event);
CREATE INDEX deployments_fixes ON deployments (fixes) WHERE fixes <> 0;
CREATE INDEX deployments_mends ON deployments (mends) WHERE mends <> 0;

-- The commits that a deployment brought; at is when they were made. own is 0
-- where the deployment did not say it, so that it may come from commit_times.
CREATE TABLE changes (
    deployment BIGINT NOT NULL,
    n          BIGINT NOT NULL,
    change     BIGINT NOT NULL,
    own        BIGINT NOT NULL,
    at         BIGINT,
    PRIMARY KEY (deployment, n)
);
CREATE INDEX changes_borrowed ON changes (change) WHERE own = 0;

CREATE TABLE commit_times (
    change BIGINT PRIMARY KEY,
    at     BIGINT NOT NULL
);

-- What each event said of an incident, and what follows from all of them.
CREATE TABLE incident_facts (
    incident    BIGINT NOT NULL,
    seq         BIGINT NOT NULL,
    name        BIGINT NOT NULL, -- key of the incident's id
    at          BIGINT NOT NULL,
    event       BIGINT NOT NULL,
    resolved    BIGINT NOT NULL, -- 0: it began; 1: it is over; 2: somebody tells of it
    service     BIGINT NOT NULL,
    team        BIGINT NOT NULL,
    environment BIGINT NOT NULL,
    caused_by   BIGINT NOT NULL,
    PRIMARY KEY (incident, seq)
);

CREATE TABLE incidents (
    incident    BIGINT PRIMARY KEY, -- key of source and id
    name        BIGINT NOT NULL,    -- key of the id
    seq         BIGINT NOT NULL,    -- the event that first told of it
    started     BIGINT,
    resolved    BIGINT,
    service     BIGINT NOT NULL,
    team        BIGINT NOT NULL,
    environment BIGINT NOT NULL,
    caused_by   BIGINT NOT NULL     -- the release or event that it names as its cause
);
CREATE INDEX incidents_started ON incidents (started);
CREATE INDEX incidents_service ON incidents (service, started);
CREATE INDEX incidents_name ON incidents (name);
CREATE INDEX incidents_caused_by ON incidents (caused_by) WHERE caused_by <> 0;

-- The deployment behind an incident; one that names no environment may have
-- one in each.
CREATE TABLE incident_links (
    incident    BIGINT NOT NULL,
    environment BIGINT NOT NULL,
    deployment  BIGINT NOT NULL,
    named       BIGINT NOT NULL, -- 1: the incident names it
    PRIMARY KEY (incident, environment)
);
CREATE INDEX incident_links_deployment ON incident_links (deployment);

CREATE TABLE failed_pipelines (
    seq         BIGINT PRIMARY KEY,
    at          BIGINT NOT NULL,
    service     BIGINT NOT NULL,
    team        BIGINT NOT NULL,
    environment BIGINT NOT NULL,
    path        BIGINT NOT NULL
);
CREATE INDEX failed_pipelines_at ON failed_pipelines (at);

-- All that measures read of the deployments of one service and team in 30 days,
-- packed, so that a year is read at once. period is day / 30.
CREATE TABLE delivery_period (
    environment BIGINT NOT NULL,
    period      BIGINT NOT NULL,
    service     BIGINT NOT NULL,
    team        BIGINT NOT NULL,
    path        BIGINT NOT NULL,
    packed      BYTEA   NOT NULL,
    PRIMARY KEY (environment, period, service, team, path)
);
