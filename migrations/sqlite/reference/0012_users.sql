-- People who sign in, as opposed to the programs that secret_keys are for.
CREATE TABLE users (
    login      TEXT    NOT NULL,
    username   TEXT    NOT NULL, -- its customer; empty: an operator
    role       TEXT    NOT NULL, -- operator, manager or reader
    hash       TEXT    NOT NULL, -- of the password: argon2id, in PHC form
    active     INTEGER NOT NULL, -- who is not is let in no more
    created_at INTEGER,          -- Unix milliseconds; NULL: nobody wrote it down
    version    INTEGER NOT NULL,
    removed    INTEGER NOT NULL,
    PRIMARY KEY (login)
) STRICT, WITHOUT ROWID;
CREATE INDEX users_version ON users (version);
CREATE INDEX users_changes ON users (username, version);
