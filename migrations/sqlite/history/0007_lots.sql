-- Rows are found by lots of 16,384, as they came. An index over all rows has a page of its own for each recipient, each
-- customer and each id that is drawn by chance, and every row reads and writes three of them; those of one lot are a few
-- hundred pages, which stay at hand until the lot is full.
ALTER TABLE history ADD COLUMN lot INTEGER GENERATED ALWAYS AS (id >> 14) VIRTUAL;

DROP INDEX history_message;
DROP INDEX history_recipient;
DROP INDEX history_channel;
CREATE INDEX history_message ON history (lot, message_id, service_key, received_at);
CREATE INDEX history_recipient ON history (lot, recipient_lookup, received_at);
CREATE INDEX history_channel ON history (lot, service_key, requested_channel, received_at, track_id, step);

-- When the messages of each lot were requested: who looks for a span of time asks the other lots nothing.
CREATE TABLE history_lots (
    lot      INTEGER PRIMARY KEY,
    earliest INTEGER NOT NULL, -- Unix milliseconds
    latest   INTEGER NOT NULL  -- Unix milliseconds
) STRICT;
INSERT INTO history_lots (lot, earliest, latest)
SELECT lot, MIN(received_at), MAX(received_at) FROM history GROUP BY lot;
