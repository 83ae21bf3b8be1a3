-- Channels of KakaoTalk that customers claim as sender profiles, by the token that Kakao sends to their managers. Beside the
-- profiles, because nobody holds them: they have no version.
CREATE TABLE sender_claims (
    username   TEXT    NOT NULL,
    channel_id TEXT    NOT NULL,
    stage      TEXT    NOT NULL, -- asked, asking, sent, handed, registered or refused
    sealed     BLOB    NOT NULL, -- the manager's phone, and what was handed in with its token
    tries      INTEGER NOT NULL, -- how often a token was handed in since one was asked for
    sender_key TEXT,             -- what the dealer gave for the token
    comment    TEXT,             -- why it was refused, or is not known
    noted_at   INTEGER NOT NULL, -- Unix milliseconds
    due_at     INTEGER NOT NULL, -- when the dealer is told, Unix milliseconds
    revision   INTEGER NOT NULL, -- of each change: what was decided by an older one is not written
    PRIMARY KEY (username, channel_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sender_claims_stage ON sender_claims (stage, due_at);
CREATE INDEX sender_claims_noted ON sender_claims (noted_at);

-- Tokens that were asked for: a phone gets so many a day, whoever asks.
CREATE TABLE sender_token_requests (
    phone_lookup BLOB    NOT NULL,
    requested_at INTEGER NOT NULL, -- Unix milliseconds
    username     TEXT    NOT NULL,
    PRIMARY KEY (phone_lookup, requested_at, username)
) STRICT, WITHOUT ROWID;
CREATE INDEX sender_token_requests_username ON sender_token_requests (username, requested_at);
CREATE INDEX sender_token_requests_time ON sender_token_requests (requested_at);

-- How sender profiles stand at their dealer.
CREATE TABLE dealer_profiles (
    sender_key TEXT    NOT NULL,
    vendor     TEXT    NOT NULL,
    state      TEXT    NOT NULL, -- active, dormant, blocked, deactivated, deleting, gone, elsewhere or unclear
    comment    TEXT,
    noted_at   INTEGER NOT NULL, -- Unix milliseconds
    recover    INTEGER NOT NULL, -- whether it is to be woken
    PRIMARY KEY (sender_key)
) STRICT, WITHOUT ROWID;

-- What channels may be about, as their dealer numbers it.
CREATE TABLE dealer_categories (
    vendor TEXT NOT NULL,
    code   TEXT NOT NULL,
    name   TEXT NOT NULL,
    PRIMARY KEY (vendor, code)
) STRICT, WITHOUT ROWID;
