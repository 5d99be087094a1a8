-- +goose Up
CREATE TABLE objects (
    uid        INTEGER PRIMARY KEY,
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    title      TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    updated    INTEGER NOT NULL,
    doc        TEXT    NOT NULL,
    UNIQUE (kind, name)
) STRICT;
CREATE INDEX objects_owner ON objects (kind, owner, name);
CREATE INDEX objects_newest ON objects (kind, uid);

CREATE TABLE object_labels (
    k   TEXT    NOT NULL,
    v   TEXT    NOT NULL,
    uid INTEGER NOT NULL,
    PRIMARY KEY (k, v, uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE object_fields (
    kind TEXT    NOT NULL,
    k    TEXT    NOT NULL,
    v    TEXT    NOT NULL,
    uid  INTEGER NOT NULL,
    PRIMARY KEY (kind, k, v, uid)
) STRICT, WITHOUT ROWID;

-- Which fields object_fields holds of each kind, separated by spaces.
CREATE TABLE object_kinds (
    kind   TEXT NOT NULL PRIMARY KEY,
    fields TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE object_history (
    kind    TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    version INTEGER NOT NULL,
    uid     INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    doc     TEXT    NOT NULL,
    PRIMARY KEY (kind, name, version)
) STRICT;

-- The words are cut, folded and joined by spaces before they come here, so that
-- both databases find the same: see words.go.
CREATE VIRTUAL TABLE object_search USING fts5 (
    tokens, content = '', contentless_delete = 1, detail = 'none', tokenize = 'ascii'
);
