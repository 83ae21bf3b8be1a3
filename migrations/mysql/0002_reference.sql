-- Reference data: who may send what, and how it goes. The rows of the seed file (connectors/seed/demo.toml), in columns.
--
-- Every row carries the version of the change that wrote it last, and stays as `removed` when it is taken away: who holds
-- the data of version n asks for what is newer than n, and no more. Words are those of the seed file.

-- One row. Raised first in the transaction of each change: its lock lets one writer in at a time, and processes that
-- hold the data compare it once a second.
CREATE TABLE IF NOT EXISTS reference_version (
    id      INT    NOT NULL COMMENT 'always 1',
    version BIGINT NOT NULL COMMENT 'of the newest change; 0: never written',
    PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT INTO reference_version (id, version) SELECT 1, 0 FROM DUAL
    WHERE NOT EXISTS (SELECT 1 FROM reference_version);

CREATE TABLE IF NOT EXISTS customers (
    username     VARCHAR(64) NOT NULL COMMENT 'login name, first part of the names of reports',
    name         VARCHAR(64) NOT NULL COMMENT 'as people read it',
    auth_allowed BOOLEAN     NOT NULL COMMENT 'may send over AUTH',
    night_ads    VARCHAR(16) NOT NULL COMMENT 'hold or fail: ads that meet the night',
    unencodable  VARCHAR(16) NOT NULL COMMENT 'refuse or replace: characters that CP949 cannot hold',
    origin_code  VARCHAR(9)  NOT NULL COMMENT 'code of the first sender of text messages, empty when it has none',
    version      BIGINT      NOT NULL,
    removed      BOOLEAN     NOT NULL,
    PRIMARY KEY (username),
    KEY customers_version (version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS service_keys (
    service_key            VARCHAR(40) NOT NULL COMMENT '40 alphanumeric characters',
    username               VARCHAR(64) NOT NULL,
    active                 BOOLEAN     NOT NULL COMMENT 'one that is not is refused with 1100',
    callback_uri           BLOB COMMENT 'where terminal reports are called back; may hold a token: encrypted',
    callback_secrets       BLOB COMMENT 'JSON of one secret or two that calls are signed with, encrypted',
    callback_batch_reports INT COMMENT 'most reports of one call; NULL: each in a call of its own',
    callback_batch_wait_ms INT COMMENT 'how long a report waits for others',
    callback_enabled_at    BIGINT COMMENT 'Unix milliseconds: an endpoint that answered 410 before is called again',
    version                BIGINT      NOT NULL,
    removed                BOOLEAN     NOT NULL,
    PRIMARY KEY (service_key),
    KEY service_keys_version (version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- KakaoTalk sender profiles.
CREATE TABLE IF NOT EXISTS sender_profiles (
    sender_key VARCHAR(64) NOT NULL,
    username   VARCHAR(64) NOT NULL,
    state      VARCHAR(16) NOT NULL COMMENT 'requested, approved, rejected, stopped or dormant',
    version    BIGINT      NOT NULL,
    removed    BOOLEAN     NOT NULL,
    PRIMARY KEY (sender_key),
    KEY sender_profiles_version (version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS templates (
    channel      VARCHAR(16) NOT NULL,
    username     VARCHAR(64) NOT NULL,
    code         VARCHAR(64) NOT NULL,
    sender_key   VARCHAR(64) COMMENT 'its sender profile (AT, FT, BT)',
    state        VARCHAR(16) NOT NULL COMMENT 'of its inspection: requested, approved, rejected, stopped or dormant',
    auth_allowed BOOLEAN     NOT NULL COMMENT 'may go over AUTH',
    message      MEDIUMTEXT  NOT NULL,
    title        TEXT,
    header       TEXT,
    html         MEDIUMTEXT,
    attachment   MEDIUMTEXT COMMENT 'JSON: buttons, items, highlights',
    supplement   MEDIUMTEXT COMMENT 'JSON: quick replies',
    version      BIGINT      NOT NULL,
    removed      BOOLEAN     NOT NULL,
    PRIMARY KEY (channel, username, code),
    KEY templates_version (version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What messages are sent from: a phone number (MT), a chatbot id (RC) or an address (EM).
CREATE TABLE IF NOT EXISTS sender_numbers (
    channel  VARCHAR(16)  NOT NULL,
    username VARCHAR(64)  NOT NULL,
    number   VARCHAR(320) NOT NULL,
    state    VARCHAR(16)  NOT NULL COMMENT 'of the proof that it is theirs: as for templates',
    version  BIGINT       NOT NULL,
    removed  BOOLEAN      NOT NULL,
    PRIMARY KEY (channel, username, number),
    KEY sender_numbers_version (version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS routing_groups (
    name         VARCHAR(64) NOT NULL,
    priority     VARCHAR(16) NOT NULL COMMENT 'what the messages of its members become',
    usernames    MEDIUMTEXT  NOT NULL COMMENT 'JSON: customers in it',
    service_keys MEDIUMTEXT  NOT NULL COMMENT 'JSON: service keys in it',
    topics       VARCHAR(64) NOT NULL COMMENT 'families with a topic of its own, SEND-<FAMILY>-<NAME>, separated by blanks',
    partitions   BIGINT COMMENT 'of these topics; NULL: as all topics have',
    replicas     BIGINT COMMENT 'of each partition; NULL: as all topics have',
    version      BIGINT      NOT NULL,
    removed      BOOLEAN     NOT NULL,
    PRIMARY KEY (name),
    KEY routing_groups_version (version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS routing_patterns (
    position          INT         NOT NULL COMMENT 'the first that fits wins',
    priority          VARCHAR(16) NOT NULL COMMENT 'what fitting messages become',
    channel           VARCHAR(16) COMMENT 'NULL fits every channel',
    message_type      VARCHAR(32) COMMENT 'NULL fits every type',
    message_id_prefix VARCHAR(64) COMMENT 'NULL fits every message_id',
    version           BIGINT      NOT NULL,
    removed           BOOLEAN     NOT NULL,
    PRIMARY KEY (position),
    KEY routing_patterns_version (version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS vendors (
    name          VARCHAR(64) NOT NULL COMMENT 'as metrics and reports show it',
    position      INT         NOT NULL COMMENT 'their order, which the share of each step is drawn by',
    families      VARCHAR(64) NOT NULL COMMENT 'of SEND topics that it takes, separated by blanks',
    codes         VARCHAR(16) NOT NULL COMMENT 'whose code table it answers with',
    weight        BIGINT      NOT NULL COMMENT 'share, relative to the others of the family; 0 drains it',
    tps           BIGINT      NOT NULL COMMENT 'requests a second, of all processes together',
    max_in_flight BIGINT      NOT NULL COMMENT 'requests, per process',
    timeout_ms    BIGINT      NOT NULL,
    receipts      BOOLEAN     NOT NULL COMMENT 'reports delivery later',
    receipt_hours BIGINT      NOT NULL COMMENT 'how long that may take',
    in_doubt      VARCHAR(16) NOT NULL COMMENT 'repeat, receipt or uncertain: a request whose end was lost',
    title_bytes   BIGINT      NOT NULL COMMENT 'longest title in CP949',
    version       BIGINT      NOT NULL,
    removed       BOOLEAN     NOT NULL,
    PRIMARY KEY (name),
    KEY vendors_version (version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who wants no ads of a customer. May be millions: asked for in batches, never held, so it has no version.
CREATE TABLE IF NOT EXISTS opt_outs (
    username         VARCHAR(64) NOT NULL,
    recipient_lookup BINARY(16)  NOT NULL COMMENT 'HMAC of the recipient, as in history',
    recipient        BLOB        NOT NULL COMMENT 'number in international digits, app user id or address: encrypted',
    refused_at       BIGINT      NOT NULL COMMENT 'Unix milliseconds: when we were told',
    PRIMARY KEY (username, recipient_lookup)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who changed what, and when. No personal data, no secrets: these are left out of the states.
CREATE TABLE IF NOT EXISTS audit (
    id           BIGINT       NOT NULL AUTO_INCREMENT,
    at           BIGINT       NOT NULL COMMENT 'Unix milliseconds',
    actor        VARCHAR(64)  NOT NULL COMMENT 'who',
    version      BIGINT       NOT NULL COMMENT 'of reference_version that the change made',
    kind         VARCHAR(32)  NOT NULL COMMENT 'the table',
    subject      VARCHAR(512) NOT NULL COMMENT 'which row',
    state_before MEDIUMTEXT COMMENT 'JSON; NULL: it was not there',
    state_after  MEDIUMTEXT COMMENT 'JSON; NULL: it was removed',
    PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
