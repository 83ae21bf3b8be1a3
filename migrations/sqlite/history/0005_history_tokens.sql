-- History of a push is found by each token that it went to: the tokens beside the value that its row is found by
-- (history.recipient_lookup). A push to one token alone has no row here.
CREATE TABLE history_tokens (
    track_id     TEXT    NOT NULL,
    step         INTEGER NOT NULL,
    token_lookup BLOB    NOT NULL, -- HMAC of the token
    received_at  INTEGER NOT NULL, -- when its message was requested, Unix milliseconds
    PRIMARY KEY (track_id, step, token_lookup)
) STRICT, WITHOUT ROWID;

CREATE INDEX history_tokens_token ON history_tokens (token_lookup, received_at, track_id, step);
