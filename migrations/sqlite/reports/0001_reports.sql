-- How far each partition of REPORT-* is stored. Moved in the transaction of the rows, and only from where they were read.
CREATE TABLE offsets (
    topic     TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    next      INTEGER NOT NULL, -- the next offset to be read
    PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;

-- The newest report of each message, and what came after its end. Times are Unix milliseconds UTC.
CREATE TABLE reports (
    id           INTEGER PRIMARY KEY,
    track_id     TEXT    NOT NULL UNIQUE,
    username     TEXT    NOT NULL,
    service_key  TEXT    NOT NULL,
    message_id   TEXT    NOT NULL,
    duplicate    INTEGER NOT NULL, -- 1: refused because the message_id was held by another message (2030)
    requested_at INTEGER NOT NULL,
    report       TEXT    NOT NULL, -- JSON of the newest Report that changed the state
    late         TEXT              -- JSON of the newest Report after the end
) STRICT;

CREATE INDEX reports_by_message ON reports (username, message_id);
