-- +goose Up
-- Tickets by the source that tells of them and their id there. Times are
-- microseconds since 1970, UTC; NULL where no event has told one.
CREATE TABLE tickets (
    source BIGINT NOT NULL, -- 63 bits of SHA-256 over its name
    id     TEXT    NOT NULL,
    seq    BIGINT NOT NULL, -- the event that told of its opening, or the first that named it
    closes BIGINT NOT NULL, -- the event that told of its end, 0 for none
    team   BIGINT NOT NULL,
    actor  BIGINT NOT NULL,
    kind   TEXT    NOT NULL, -- question, bug, access, feature, other; '' as long as nobody said
    opened BIGINT,
    closed BIGINT,
    PRIMARY KEY (source, id)
);
CREATE INDEX tickets_opened ON tickets (opened);
