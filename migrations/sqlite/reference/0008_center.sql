-- What customers keep beside reference data: push tokens of their apps' users, and files. Nobody holds these: they have no
-- version.

-- Push tokens, by service key: each app of a customer has one of its own. May be millions.
CREATE TABLE push_tokens (
    service_key   TEXT    NOT NULL, -- whose app it is
    token_lookup  BLOB    NOT NULL, -- HMAC of the token, as in dead_push_tokens
    username      TEXT    NOT NULL, -- of the service key
    user_lookup   BLOB    NOT NULL, -- HMAC of the id in the app
    token         BLOB    NOT NULL, -- encrypted
    app_user_id   BLOB    NOT NULL, -- id in the customer's app, encrypted
    registered_at INTEGER NOT NULL, -- Unix milliseconds, of the newest registration
    PRIMARY KEY (service_key, token_lookup)
) STRICT, WITHOUT ROWID;
CREATE INDEX push_tokens_user ON push_tokens (service_key, user_lookup, registered_at, token_lookup);
CREATE INDEX push_tokens_time ON push_tokens (service_key, registered_at, token_lookup);
CREATE INDEX push_tokens_lookup ON push_tokens (token_lookup);

-- Files that go with messages. Their bytes are elsewhere ([files]); a row is there before them and until they are gone.
CREATE TABLE files (
    username     TEXT    NOT NULL,
    file_key     TEXT    NOT NULL, -- what messages name
    channel      TEXT    NOT NULL, -- MT or EM: what it may go with
    name         BLOB    NOT NULL, -- as its customer calls it, encrypted
    content_type TEXT    NOT NULL, -- by its content
    bytes        INTEGER NOT NULL,
    width        INTEGER,          -- pixels of an image of an MMS
    height       INTEGER,
    state        TEXT    NOT NULL, -- coming, kept or going
    created_at   INTEGER NOT NULL, -- Unix milliseconds
    PRIMARY KEY (username, file_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX files_time ON files (username, created_at, file_key);
CREATE INDEX files_state ON files (state, created_at);

-- How many rows a customer has of what is too much to be counted each time: opt_outs, push_tokens, files, and their bytes
-- (file_bytes). Written with them.
CREATE TABLE row_counts (
    username TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    counted  INTEGER NOT NULL,
    PRIMARY KEY (username, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO row_counts (username, kind, counted) SELECT username, 'opt_outs', COUNT(*) FROM opt_outs GROUP BY username;

-- Tokens that are registered again live, whoever called them dead.
CREATE INDEX dead_push_tokens_lookup ON dead_push_tokens (token_lookup);

-- Whose row a line is about, so that customers are told of their own; NULL: nobody's, or from before.
ALTER TABLE audit ADD COLUMN username TEXT;
CREATE INDEX audit_username ON audit (username, at, version);
