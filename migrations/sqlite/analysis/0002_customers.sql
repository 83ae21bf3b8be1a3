-- Latencies are asked for by customer too; those of before have none.
CREATE TABLE latencies_by_customer (
    minute   INTEGER NOT NULL, -- Unix milliseconds UTC of its beginning
    phase    TEXT    NOT NULL, -- ACCEPT, ROUTE, QUEUE, VENDOR, WHOLE
    channel  TEXT    NOT NULL,
    priority TEXT    NOT NULL,
    username TEXT    NOT NULL,
    vendor   TEXT    NOT NULL,
    bucket   INTEGER NOT NULL, -- logarithmic, 16 to a power of two
    count    INTEGER NOT NULL,
    PRIMARY KEY (minute, phase, channel, priority, username, vendor, bucket)
) STRICT, WITHOUT ROWID;
INSERT INTO latencies_by_customer
SELECT minute, phase, channel, priority, '', vendor, bucket, count FROM latencies;
DROP TABLE latencies;
ALTER TABLE latencies_by_customer RENAME TO latencies;

-- When the failures or the latencies of a customer at a vendor went beyond their own norm, and until when.
CREATE TABLE anomalies (
    kind      TEXT    NOT NULL, -- FAILURES, LATENCY
    vendor    TEXT    NOT NULL,
    channel   TEXT    NOT NULL,
    username  TEXT    NOT NULL, -- '' for all customers together
    opened_at INTEGER NOT NULL, -- Unix milliseconds UTC of the minute
    closed_at INTEGER,          -- the same; NULL while it lasts
    share     REAL    NOT NULL, -- of the events that failed, or were slow, when it opened
    norm      REAL    NOT NULL, -- the share that is usual
    events    INTEGER NOT NULL, -- how many events the share is of
    slow_ms   INTEGER,          -- LATENCY: longer than this is slow
    PRIMARY KEY (kind, vendor, channel, username, opened_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX anomalies_by_time ON anomalies (opened_at);
