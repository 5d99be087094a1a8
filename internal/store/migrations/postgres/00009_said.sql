-- +goose Up
-- When it was first said of what kind a ticket is.
ALTER TABLE tickets ADD COLUMN said BIGINT;
