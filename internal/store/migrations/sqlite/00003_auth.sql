-- +goose Up
-- Times are microseconds since 1970, UTC; 0 is never. Of tokens, sessions and
-- codes only SHA-256 is kept, of passwords only argon2id.
CREATE TABLE accounts (
    principal    TEXT    NOT NULL PRIMARY KEY,
    display      TEXT    NOT NULL,
    password     TEXT    NOT NULL,
    password_set INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    disabled     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    id         TEXT    NOT NULL PRIMARY KEY,
    hash       BLOB    NOT NULL,
    name       TEXT    NOT NULL,
    principal  TEXT    NOT NULL,
    scopes     TEXT    NOT NULL, -- separated by spaces, as are teams
    teams      TEXT    NOT NULL,
    created_by TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    expires    INTEGER NOT NULL,
    last_used  INTEGER NOT NULL,
    revoked    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_principal ON tokens (principal);
CREATE INDEX tokens_created_by ON tokens (created_by);

CREATE TABLE sessions (
    hash      BLOB    NOT NULL PRIMARY KEY,
    principal TEXT    NOT NULL,
    token     TEXT    NOT NULL, -- whose sign-in code opened it, or ''
    created   INTEGER NOT NULL,
    seen      INTEGER NOT NULL,
    expires   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_principal ON sessions (principal);
CREATE INDEX sessions_token ON sessions (token);

CREATE TABLE signin_codes (
    hash          BLOB    NOT NULL PRIMARY KEY,
    principal     TEXT    NOT NULL,
    token         TEXT    NOT NULL,
    expires       INTEGER NOT NULL,
    session_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The values of secrets, each under its own data key, which is under the
-- platform's key-encryption key. They stand nowhere else.
CREATE TABLE secret_values (
    secret     TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    updated    INTEGER NOT NULL,
    kek        INTEGER NOT NULL, -- id of the key-encryption key in its keyset
    ciphertext BLOB    NOT NULL,
    PRIMARY KEY (secret, key)
) STRICT, WITHOUT ROWID;
