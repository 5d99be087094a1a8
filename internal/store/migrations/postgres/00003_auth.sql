-- +goose Up
-- Times are microseconds since 1970, UTC; 0 is never. Of tokens, sessions and
-- codes only SHA-256 is kept, of passwords only argon2id.
CREATE TABLE accounts (
    principal    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    display      TEXT   NOT NULL,
    password     TEXT   NOT NULL,
    password_set BIGINT NOT NULL,
    created      BIGINT NOT NULL,
    disabled     BIGINT NOT NULL
);

CREATE TABLE tokens (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    hash       BYTEA  NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    principal  TEXT COLLATE "C" NOT NULL,
    scopes     TEXT   NOT NULL, -- separated by spaces, as are teams
    teams      TEXT   NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    last_used  BIGINT NOT NULL,
    revoked    BIGINT NOT NULL
);
CREATE INDEX tokens_principal ON tokens (principal);
CREATE INDEX tokens_created_by ON tokens (created_by);

CREATE TABLE sessions (
    hash      BYTEA  NOT NULL PRIMARY KEY,
    principal TEXT COLLATE "C" NOT NULL,
    token     TEXT   NOT NULL, -- whose sign-in code opened it, or ''
    created   BIGINT NOT NULL,
    seen      BIGINT NOT NULL,
    expires   BIGINT NOT NULL
);
CREATE INDEX sessions_principal ON sessions (principal);
CREATE INDEX sessions_token ON sessions (token);

CREATE TABLE signin_codes (
    hash          BYTEA  NOT NULL PRIMARY KEY,
    principal     TEXT COLLATE "C" NOT NULL,
    token         TEXT   NOT NULL,
    expires       BIGINT NOT NULL,
    session_until BIGINT NOT NULL
);

-- The values of secrets, each under its own data key, which is under the
-- platform's key-encryption key. They stand nowhere else.
CREATE TABLE secret_values (
    secret     TEXT COLLATE "C" NOT NULL,
    key        TEXT COLLATE "C" NOT NULL,
    version    BIGINT NOT NULL,
    updated    BIGINT NOT NULL,
    kek        BIGINT NOT NULL, -- id of the key-encryption key in its keyset
    ciphertext BYTEA  NOT NULL,
    PRIMARY KEY (secret, key)
);
