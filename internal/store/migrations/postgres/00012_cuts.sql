-- +goose Up
-- What a ticket is about, where what opened it says so.
ALTER TABLE tickets ADD COLUMN service BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tickets ADD COLUMN capability BIGINT NOT NULL DEFAULT 0;

-- How often each gate refused what is about a service and a capability.
DROP TABLE gate_day;
CREATE TABLE gate_day (
    day        BIGINT NOT NULL,
    gate       TEXT COLLATE "C" NOT NULL,
    team       BIGINT NOT NULL,
    service    BIGINT NOT NULL,
    capability BIGINT NOT NULL,
    n          BIGINT NOT NULL,
    PRIMARY KEY (day, gate, team, service, capability)
);

-- How often Stoa had to ask a person about a service, and the deployments on the
-- golden path that put nothing back, which questions are held against.
DROP TABLE question_day;
CREATE TABLE question_day (
    day        BIGINT NOT NULL,
    question   TEXT COLLATE "C" NOT NULL,
    capability BIGINT NOT NULL,
    team       BIGINT NOT NULL,
    service    BIGINT NOT NULL,
    n          BIGINT NOT NULL,
    PRIMARY KEY (day, question, capability, team, service)
);

CREATE TABLE run_day (
    day     BIGINT NOT NULL,
    team    BIGINT NOT NULL,
    service BIGINT NOT NULL,
    n       BIGINT NOT NULL,
    PRIMARY KEY (day, team, service)
);
