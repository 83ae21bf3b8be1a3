-- How far each partition of ANALYZE-LOG is stored. Moved in the transaction of the rows, and only from where they were read.
CREATE TABLE offsets (
    topic     TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    next      INTEGER NOT NULL, -- the next offset to be read
    PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;

-- Every event as it was written, for questions that nobody thought of. Its place in the log is its id.
CREATE TABLE events (
    partition  INTEGER NOT NULL,
    log_offset INTEGER NOT NULL,
    at         INTEGER NOT NULL, -- Unix milliseconds UTC
    event      TEXT    NOT NULL, -- AnalyzeLog as JSON, for example event->>'vendor_code'
    PRIMARY KEY (partition, log_offset)
) STRICT;

-- Events per minute.
CREATE TABLE counters (
    minute   INTEGER NOT NULL, -- Unix milliseconds UTC of its beginning
    event    TEXT    NOT NULL,
    channel  TEXT    NOT NULL,
    priority TEXT    NOT NULL,
    username TEXT    NOT NULL,
    vendor   TEXT    NOT NULL,
    state    TEXT    NOT NULL,
    origin   TEXT    NOT NULL,
    code     TEXT    NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (minute, event, channel, priority, username, vendor, state, origin, code)
) STRICT, WITHOUT ROWID;

-- How long each part of the way took, per minute: histograms whose buckets of any rows add up.
CREATE TABLE latencies (
    minute   INTEGER NOT NULL, -- Unix milliseconds UTC of its beginning
    phase    TEXT    NOT NULL, -- ACCEPT, ROUTE, QUEUE, VENDOR, WHOLE
    channel  TEXT    NOT NULL,
    priority TEXT    NOT NULL,
    vendor   TEXT    NOT NULL,
    bucket   INTEGER NOT NULL, -- logarithmic, 16 to a power of two
    count    INTEGER NOT NULL,
    PRIMARY KEY (minute, phase, channel, priority, vendor, bucket)
) STRICT, WITHOUT ROWID;
