-- +goose Up
-- The failed deployments, newest first, without reading the others.
CREATE INDEX deployments_failed ON deployments (at, seq) WHERE failed <> 0;
