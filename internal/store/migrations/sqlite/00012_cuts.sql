-- +goose Up
-- What a ticket is about, where what opened it says so.
ALTER TABLE tickets ADD COLUMN service INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tickets ADD COLUMN capability INTEGER NOT NULL DEFAULT 0;

-- How often each gate refused what is about a service and a capability.
DROP TABLE gate_day;
CREATE TABLE gate_day (
    day        INTEGER NOT NULL,
    gate       TEXT NOT NULL,
    team       INTEGER NOT NULL,
    service    INTEGER NOT NULL,
    capability INTEGER NOT NULL,
    n          INTEGER NOT NULL,
    PRIMARY KEY (day, gate, team, service, capability)
) STRICT, WITHOUT ROWID;

-- How often Stoa had to ask a person about a service, and the deployments on the
-- golden path that put nothing back, which questions are held against.
DROP TABLE question_day;
CREATE TABLE question_day (
    day        INTEGER NOT NULL,
    question   TEXT NOT NULL,
    capability INTEGER NOT NULL,
    team       INTEGER NOT NULL,
    service    INTEGER NOT NULL,
    n          INTEGER NOT NULL,
    PRIMARY KEY (day, question, capability, team, service)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_day (
    day     INTEGER NOT NULL,
    team    INTEGER NOT NULL,
    service INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    PRIMARY KEY (day, team, service)
) STRICT, WITHOUT ROWID;
