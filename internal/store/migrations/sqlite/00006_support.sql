-- +goose Up
-- Tickets by the source that tells of them and their id there. Times are
-- microseconds since 1970, UTC; NULL where no event has told one.
CREATE TABLE tickets (
    source INTEGER NOT NULL, -- 63 bits of SHA-256 over its name
    id     TEXT    NOT NULL,
    seq    INTEGER NOT NULL, -- the event that told of its opening, or the first that named it
    closes INTEGER NOT NULL, -- the event that told of its end, 0 for none
    team   INTEGER NOT NULL,
    actor  INTEGER NOT NULL,
    kind   TEXT    NOT NULL, -- question, bug, access, feature, other; '' as long as nobody said
    opened INTEGER,
    closed INTEGER,
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tickets_opened ON tickets (opened);
