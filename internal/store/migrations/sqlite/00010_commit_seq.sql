-- +goose Up
-- The event that says when a commit was made.
ALTER TABLE commit_times ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
