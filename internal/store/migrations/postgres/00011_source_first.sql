-- +goose Up
-- Who told of the first deployment of a service.
ALTER TABLE service_first ADD COLUMN source BIGINT NOT NULL DEFAULT 0;
CREATE INDEX service_first_source ON service_first (source, at);

-- The day of the first event of each source, by the events' own times.
CREATE TABLE source_first (
    source BIGINT PRIMARY KEY,
    day    BIGINT NOT NULL
);
