-- Push tokens that their service called dead: nothing is sent to them for a while. May be millions: asked for in batches,
-- never held.
CREATE TABLE dead_push_tokens (
    vendor       TEXT    NOT NULL, -- who said so: what one service does not know, another may
    token_lookup BLOB    NOT NULL, -- HMAC of the token, as for recipients in history
    code         TEXT    NOT NULL, -- what it said, a code of its table
    dead_since   INTEGER NOT NULL, -- Unix milliseconds: a token that was registered later lives
    noted_at     INTEGER NOT NULL, -- Unix milliseconds: 30 days later the service is asked again
    PRIMARY KEY (vendor, token_lookup)
) STRICT, WITHOUT ROWID;
CREATE INDEX dead_push_tokens_noted ON dead_push_tokens (noted_at);
