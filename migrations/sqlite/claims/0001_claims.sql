-- Who holds a message_id of a service key, for 24 hours from claimed_at (Unix milliseconds).
CREATE TABLE claims (
    service_key TEXT    NOT NULL,
    message_id  TEXT    NOT NULL,
    track_id    TEXT    NOT NULL,
    claimed_at  INTEGER NOT NULL,
    PRIMARY KEY (service_key, message_id)
) STRICT, WITHOUT ROWID;

-- What has expired is found without a scan.
CREATE INDEX claims_by_time ON claims (claimed_at);
