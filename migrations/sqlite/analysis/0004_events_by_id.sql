-- Events stand in the order in which they were written, and in one tree: offsets moves with them, so none comes twice. The
-- calls of a message are found by a column of their own: an index of an expression parsed each event for it.
CREATE TABLE events_by_id (
    id          INTEGER PRIMARY KEY, -- grows with every row
    partition   INTEGER NOT NULL,    -- its place in ANALYZE-LOG
    log_offset  INTEGER NOT NULL,
    at          INTEGER NOT NULL,    -- Unix milliseconds UTC
    called_with TEXT,                -- the track_id of an event CALLBACK
    event       TEXT    NOT NULL     -- AnalyzeLog as JSON, for example event->>'vendor_code'
) STRICT;
INSERT INTO events_by_id (partition, log_offset, at, called_with, event)
SELECT partition, log_offset, at, CASE event ->> 'event' WHEN 'CALLBACK' THEN event ->> 'track_id' END, event
FROM events ORDER BY rowid;
DROP TABLE events;
ALTER TABLE events_by_id RENAME TO events;
-- One event of some hundreds is a call.
CREATE INDEX events_calls ON events (called_with) WHERE called_with IS NOT NULL;
