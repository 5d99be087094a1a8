-- +goose Up
CREATE TABLE objects (
    uid        BIGINT PRIMARY KEY,
    kind       TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    owner      TEXT COLLATE "C" NOT NULL,
    title      TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    updated    BIGINT NOT NULL,
    doc        TEXT   NOT NULL,
    CONSTRAINT objects_name UNIQUE (kind, name)
);
CREATE INDEX objects_owner ON objects (kind, owner, name);
CREATE INDEX objects_newest ON objects (kind, uid);

CREATE TABLE object_labels (
    k   TEXT COLLATE "C" NOT NULL,
    v   TEXT COLLATE "C" NOT NULL,
    uid BIGINT NOT NULL,
    PRIMARY KEY (k, v, uid)
);

CREATE TABLE object_fields (
    kind TEXT COLLATE "C" NOT NULL,
    k    TEXT COLLATE "C" NOT NULL,
    v    TEXT COLLATE "C" NOT NULL,
    uid  BIGINT NOT NULL,
    PRIMARY KEY (kind, k, v, uid)
);

-- Which fields object_fields holds of each kind, separated by spaces.
CREATE TABLE object_kinds (
    kind   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    fields TEXT NOT NULL
);

CREATE TABLE object_history (
    kind    TEXT COLLATE "C" NOT NULL,
    name    TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    uid     BIGINT NOT NULL,
    actor   TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    doc     TEXT   NOT NULL,
    PRIMARY KEY (kind, name, version)
);

-- The words are cut, folded and joined by spaces before they come here, so that
-- both databases find the same: see words.go.
CREATE TABLE object_search (
    uid    BIGINT PRIMARY KEY,
    tokens TSVECTOR NOT NULL
);
CREATE INDEX object_search_tokens ON object_search USING GIN (tokens);
