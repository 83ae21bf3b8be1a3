-- What is known of templates at the dealer that registers them at Kakao. Beside them, because nobody holds it: it has no
-- version.
CREATE TABLE dealer_templates (
    channel    TEXT    NOT NULL,
    username   TEXT    NOT NULL,
    code       TEXT    NOT NULL,
    sender_key TEXT    NOT NULL, -- under which it is registered there
    vendor     TEXT    NOT NULL,
    state      TEXT    NOT NULL, -- registered, requested, approved, rejected or refused
    comment    TEXT,             -- why it was rejected or refused
    noted_at   INTEGER NOT NULL, -- Unix milliseconds
    PRIMARY KEY (channel, username, code, sender_key)
) STRICT, WITHOUT ROWID;

-- Which process asks a dealer, and until when.
CREATE TABLE dealer_turns (
    vendor     TEXT    NOT NULL,
    holder     TEXT    NOT NULL,
    held_until INTEGER NOT NULL, -- Unix milliseconds
    PRIMARY KEY (vendor)
) STRICT, WITHOUT ROWID;

-- Those that wait for their inspection are looked for all day.
CREATE INDEX templates_state ON templates (channel, state, username, code);
-- And whether a template is still there, whoever has it.
CREATE INDEX templates_sender_key ON templates (sender_key, code);
