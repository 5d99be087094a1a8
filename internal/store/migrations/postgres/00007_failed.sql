-- +goose Up
-- The failed deployments, newest first, without reading the others.
CREATE INDEX deployments_failed ON deployments (at, seq) WHERE failed <> 0;

-- What is counted again and again gets room in its page, so that a change of it
-- needs no new entry in the index.
ALTER TABLE usage_day SET (fillfactor = 60);
ALTER TABLE actor_month SET (fillfactor = 60);
ALTER TABLE team_month SET (fillfactor = 60);
ALTER TABLE deployments SET (fillfactor = 60);
