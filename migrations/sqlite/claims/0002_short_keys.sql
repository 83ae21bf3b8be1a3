-- A number stands for a service key: a claim stands in two trees, and half its bytes there were the key's.
CREATE TABLE service_keys (
    id          INTEGER PRIMARY KEY,
    service_key TEXT    NOT NULL UNIQUE
) STRICT;

-- Who holds a message_id of a service key, for 24 hours from claimed_at (Unix milliseconds).
CREATE TABLE held (
    service_key INTEGER NOT NULL,
    message_id  TEXT    NOT NULL,
    track_id    TEXT    NOT NULL,
    claimed_at  INTEGER NOT NULL,
    PRIMARY KEY (service_key, message_id)
) STRICT, WITHOUT ROWID;

INSERT INTO service_keys (service_key) SELECT DISTINCT service_key FROM claims;
INSERT INTO held
    SELECT k.id, c.message_id, c.track_id, c.claimed_at FROM claims c JOIN service_keys k USING (service_key);
DROP TABLE claims;
ALTER TABLE held RENAME TO claims;

-- What has expired is found without a scan.
CREATE INDEX claims_by_time ON claims (claimed_at);
