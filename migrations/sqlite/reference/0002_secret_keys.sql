-- Secrets with which customers come in over HTTP: hashed, one or two of a customer.
CREATE TABLE secret_keys (
    username   TEXT    NOT NULL,
    name       TEXT    NOT NULL, -- tells it from the customer's other one
    hash       TEXT    NOT NULL, -- argon2id, in PHC form
    expires_at INTEGER,          -- Unix milliseconds: from then on it is not valid; NULL: it stays
    networks   TEXT    NOT NULL, -- JSON: from where it may be used; empty: from everywhere
    scopes     TEXT    NOT NULL, -- JSON: send, report, cancel: what it may be used for
    version    INTEGER NOT NULL,
    removed    INTEGER NOT NULL,
    PRIMARY KEY (username, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX secret_keys_version ON secret_keys (version);
