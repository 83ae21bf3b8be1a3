-- Reference data: who may send what, and how it goes. The rows of the seed file (connectors/seed/demo.toml), in columns.
--
-- Every row carries the version of the change that wrote it last, and stays as `removed` when it is taken away: who holds
-- the data of version n asks for what is newer than n, and no more. Words are those of the seed file.

-- One row. Raised first in the transaction of each change: its lock lets one writer in at a time, and processes that
-- hold the data compare it once a second.
CREATE TABLE reference_version (
    id      INTEGER NOT NULL, -- always 1
    version INTEGER NOT NULL, -- of the newest change; 0: never written
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

INSERT INTO reference_version (id, version) VALUES (1, 0);

CREATE TABLE customers (
    username     TEXT    NOT NULL, -- login name, first part of the names of reports
    name         TEXT    NOT NULL, -- as people read it
    auth_allowed INTEGER NOT NULL, -- may send over AUTH
    night_ads    TEXT    NOT NULL, -- hold or fail: ads that meet the night
    unencodable  TEXT    NOT NULL, -- refuse or replace: characters that CP949 cannot hold
    origin_code  TEXT    NOT NULL, -- code of the first sender of text messages, empty when it has none
    version      INTEGER NOT NULL,
    removed      INTEGER NOT NULL,
    PRIMARY KEY (username)
) STRICT, WITHOUT ROWID;
CREATE INDEX customers_version ON customers (version);

CREATE TABLE service_keys (
    service_key            TEXT    NOT NULL, -- 40 alphanumeric characters
    username               TEXT    NOT NULL,
    active                 INTEGER NOT NULL, -- one that is not is refused with 1100
    callback_uri           BLOB,             -- where terminal reports are called back; may hold a token: encrypted
    callback_secrets       BLOB,             -- JSON of one secret or two that calls are signed with, encrypted
    callback_batch_reports INTEGER,          -- most reports of one call; NULL: each in a call of its own
    callback_batch_wait_ms INTEGER,          -- how long a report waits for others
    callback_enabled_at    INTEGER,          -- Unix milliseconds: an endpoint that answered 410 before is called again
    version                INTEGER NOT NULL,
    removed                INTEGER NOT NULL,
    PRIMARY KEY (service_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX service_keys_version ON service_keys (version);

-- KakaoTalk sender profiles.
CREATE TABLE sender_profiles (
    sender_key TEXT    NOT NULL,
    username   TEXT    NOT NULL,
    state      TEXT    NOT NULL, -- requested, approved, rejected, stopped or dormant
    version    INTEGER NOT NULL,
    removed    INTEGER NOT NULL,
    PRIMARY KEY (sender_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX sender_profiles_version ON sender_profiles (version);

CREATE TABLE templates (
    channel      TEXT    NOT NULL,
    username     TEXT    NOT NULL,
    code         TEXT    NOT NULL,
    sender_key   TEXT,             -- its sender profile (AT, FT, BT)
    state        TEXT    NOT NULL, -- of its inspection: requested, approved, rejected, stopped or dormant
    auth_allowed INTEGER NOT NULL, -- may go over AUTH
    message      TEXT    NOT NULL,
    title        TEXT,
    header       TEXT,
    html         TEXT,
    attachment   TEXT,             -- JSON: buttons, items, highlights
    supplement   TEXT,             -- JSON: quick replies
    version      INTEGER NOT NULL,
    removed      INTEGER NOT NULL,
    PRIMARY KEY (channel, username, code)
) STRICT, WITHOUT ROWID;
CREATE INDEX templates_version ON templates (version);

-- What messages are sent from: a phone number (MT), a chatbot id (RC) or an address (EM).
CREATE TABLE sender_numbers (
    channel  TEXT    NOT NULL,
    username TEXT    NOT NULL,
    number   TEXT    NOT NULL,
    state    TEXT    NOT NULL, -- of the proof that it is theirs: as for templates
    version  INTEGER NOT NULL,
    removed  INTEGER NOT NULL,
    PRIMARY KEY (channel, username, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX sender_numbers_version ON sender_numbers (version);

CREATE TABLE routing_groups (
    name         TEXT    NOT NULL,
    priority     TEXT    NOT NULL, -- what the messages of its members become
    usernames    TEXT    NOT NULL, -- JSON: customers in it
    service_keys TEXT    NOT NULL, -- JSON: service keys in it
    topics       TEXT    NOT NULL, -- families with a topic of its own, SEND-<FAMILY>-<NAME>, separated by blanks
    partitions   INTEGER,          -- of these topics; NULL: as all topics have
    replicas     INTEGER,          -- of each partition; NULL: as all topics have
    version      INTEGER NOT NULL,
    removed      INTEGER NOT NULL,
    PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;
CREATE INDEX routing_groups_version ON routing_groups (version);

CREATE TABLE routing_patterns (
    position          INTEGER NOT NULL, -- the first that fits wins
    priority          TEXT    NOT NULL, -- what fitting messages become
    channel           TEXT,             -- NULL fits every channel
    message_type      TEXT,             -- NULL fits every type
    message_id_prefix TEXT,             -- NULL fits every message_id
    version           INTEGER NOT NULL,
    removed           INTEGER NOT NULL,
    PRIMARY KEY (position)
) STRICT, WITHOUT ROWID;
CREATE INDEX routing_patterns_version ON routing_patterns (version);

CREATE TABLE vendors (
    name          TEXT    NOT NULL, -- as metrics and reports show it
    position      INTEGER NOT NULL, -- their order, which the share of each step is drawn by
    families      TEXT    NOT NULL, -- of SEND topics that it takes, separated by blanks
    codes         TEXT    NOT NULL, -- whose code table it answers with
    weight        INTEGER NOT NULL, -- share, relative to the others of the family; 0 drains it
    tps           INTEGER NOT NULL, -- requests a second, of all processes together
    max_in_flight INTEGER NOT NULL, -- requests, per process
    timeout_ms    INTEGER NOT NULL,
    receipts      INTEGER NOT NULL, -- reports delivery later
    receipt_hours INTEGER NOT NULL, -- how long that may take
    in_doubt      TEXT    NOT NULL, -- repeat, receipt or uncertain: a request whose end was lost
    title_bytes   INTEGER NOT NULL, -- longest title in CP949
    version       INTEGER NOT NULL,
    removed       INTEGER NOT NULL,
    PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;
CREATE INDEX vendors_version ON vendors (version);

-- Who wants no ads of a customer. May be millions: asked for in batches, never held, so it has no version.
CREATE TABLE opt_outs (
    username         TEXT    NOT NULL,
    recipient_lookup BLOB    NOT NULL, -- HMAC of the recipient, as in history
    recipient        BLOB    NOT NULL, -- number in international digits, app user id or address: encrypted
    refused_at       INTEGER NOT NULL, -- Unix milliseconds: when we were told
    PRIMARY KEY (username, recipient_lookup)
) STRICT, WITHOUT ROWID;

-- Who changed what, and when. No personal data, no secrets: these are left out of the states.
CREATE TABLE audit (
    id           INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL,    -- Unix milliseconds
    actor        TEXT    NOT NULL,    -- who
    version      INTEGER NOT NULL,    -- of reference_version that the change made
    kind         TEXT    NOT NULL,    -- the table
    subject      TEXT    NOT NULL,    -- which row
    state_before TEXT,                -- JSON; NULL: it was not there
    state_after  TEXT                 -- JSON; NULL: it was removed
) STRICT;
