-- How far each partition of HIST-* is stored. Moved in the transaction of the rows, and only from where they were read.
CREATE TABLE offsets (
    topic     TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    next      INTEGER NOT NULL, -- the next offset to be read
    PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;

-- One row per step of each message. Times are Unix milliseconds UTC. Words are those of the Avro schemas.
CREATE TABLE history (
    id                INTEGER PRIMARY KEY, -- grows with every row
    track_id          TEXT    NOT NULL,
    step              INTEGER NOT NULL,
    last_step         INTEGER NOT NULL,    -- 1: this row ends the message, statistics count it
    username          TEXT    NOT NULL,
    service_key       TEXT    NOT NULL,
    requested_channel TEXT    NOT NULL,
    requested_type    TEXT    NOT NULL,
    state             TEXT    NOT NULL,
    received_at       INTEGER NOT NULL,
    message_id        TEXT    NOT NULL,
    serial_number     TEXT    NOT NULL,
    channel           TEXT    NOT NULL,
    message_type      TEXT    NOT NULL,
    priority          TEXT    NOT NULL,
    origin            TEXT    NOT NULL,
    code              TEXT    NOT NULL,
    vendor            TEXT    NOT NULL,
    vendor_code       TEXT    NOT NULL,
    attempts          INTEGER NOT NULL,
    distribution_at   INTEGER,
    sent_at           INTEGER,
    report_at         INTEGER NOT NULL,
    source            TEXT    NOT NULL,
    bill_code         TEXT,
    recipient_lookup  BLOB,                -- HMAC of the recipient: found by who knows number and key
    recipient         BLOB    NOT NULL,    -- personal data, encrypted
    title             BLOB,
    message           BLOB
) STRICT;

-- A row that comes again is the same row.
CREATE UNIQUE INDEX history_step ON history (track_id, step);

-- Ended messages by the day of their request in Korea, counted under the requested channel and type.
-- total = success + fail + cancelled; uncertain and expired are parts of fail, fallback and fallback_success of total.
CREATE TABLE daily_statistics (
    day              TEXT    NOT NULL, -- YYYY-MM-DD, Asia/Seoul
    service_key      TEXT    NOT NULL,
    channel          TEXT    NOT NULL,
    message_type     TEXT    NOT NULL,
    total            INTEGER NOT NULL,
    success          INTEGER NOT NULL,
    fail             INTEGER NOT NULL,
    uncertain        INTEGER NOT NULL,
    expired          INTEGER NOT NULL,
    cancelled        INTEGER NOT NULL,
    fallback         INTEGER NOT NULL, -- ended on a fallback step
    fallback_success INTEGER NOT NULL,
    PRIMARY KEY (service_key, day, channel, message_type)
) STRICT, WITHOUT ROWID;
