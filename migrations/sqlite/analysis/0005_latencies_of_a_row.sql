-- A row for all that was measured together in a minute: of ten thousand customers nearly each message has rows of its own,
-- and had one for each part of its way. Batches add to the end of `took`, so the same bucket may stand there more than
-- once: sum over it, for example
--   SELECT value ->> 0 AS phase, value ->> 1 AS bucket, sum(coalesce(value ->> 2, 1))
--   FROM latencies, json_each('[' || took || ']') GROUP BY phase, bucket
CREATE TABLE latencies_in_rows (
    minute   INTEGER NOT NULL, -- Unix milliseconds UTC of its beginning
    channel  TEXT    NOT NULL,
    priority TEXT    NOT NULL,
    username TEXT    NOT NULL,
    vendor   TEXT    NOT NULL,
    took     TEXT    NOT NULL, -- ["V",31],["W",40,2]: phase (its initial), bucket (16 to a power of two), how many unless 1
    PRIMARY KEY (minute, channel, priority, username, vendor)
) STRICT, WITHOUT ROWID;
INSERT INTO latencies_in_rows
SELECT minute, channel, priority, username, vendor, json_array(substr(phase, 1, 1), bucket, count) FROM latencies WHERE true
ON CONFLICT DO UPDATE SET took = took || ',' || excluded.took;
DROP TABLE latencies;
ALTER TABLE latencies_in_rows RENAME TO latencies;

-- What many batches have added to is added up before it grows beyond some pages.
CREATE TRIGGER latencies_added_up AFTER UPDATE OF took ON latencies WHEN length(NEW.took) > 65536
BEGIN
    UPDATE latencies SET took = (
        SELECT group_concat(json_array(phase, bucket, count)) FROM (
            SELECT value ->> 0 AS phase, value ->> 1 AS bucket, sum(coalesce(value ->> 2, 1)) AS count
            FROM json_each('[' || NEW.took || ']') GROUP BY phase, bucket
        )
    )
    WHERE minute = NEW.minute AND channel = NEW.channel AND priority = NEW.priority
        AND username = NEW.username AND vendor = NEW.vendor;
END;
