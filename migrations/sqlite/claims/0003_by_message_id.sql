-- The id first: ids of all customers that count up, or begin with the time, stand side by side. With the service key first
-- each customer had a page of its own, which each batch of ten thousand customers read and wrote.
CREATE TABLE held (
    message_id  TEXT    NOT NULL,
    service_key INTEGER NOT NULL,
    track_id    TEXT    NOT NULL,
    claimed_at  INTEGER NOT NULL,
    PRIMARY KEY (message_id, service_key)
) STRICT, WITHOUT ROWID;

INSERT INTO held SELECT message_id, service_key, track_id, claimed_at FROM claims ORDER BY message_id, service_key;
DROP TABLE claims;
ALTER TABLE held RENAME TO claims;

-- What has expired is found without a scan.
CREATE INDEX claims_by_time ON claims (claimed_at);
