-- +goose Up
-- 1 where the first deployment that is known of a service says that the service was
-- there before.
ALTER TABLE service_first ADD COLUMN there INTEGER NOT NULL DEFAULT 0;
