-- MySQL 8 and MariaDB 10.11, in the words both have. DDL is not transactional there: a migration that was killed half
-- way is run again from its first line, so every statement of this folder bears being repeated (IF NOT EXISTS).
--
-- utf8mb4_bin: A1 is not a1. Times are Unix milliseconds UTC. Words are those of the Avro schemas.

-- How far each partition of a topic is stored. Moved in the transaction of the rows, and only from where they were read.
CREATE TABLE IF NOT EXISTS offsets (
    topic       VARCHAR(64) NOT NULL,
    `partition` INT         NOT NULL,
    next        BIGINT      NOT NULL COMMENT 'the next offset to be read',
    PRIMARY KEY (topic, `partition`)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row per step of each message. A track_id grows with time, so rows are appended at the end of the primary key.
CREATE TABLE IF NOT EXISTS history (
    track_id          VARCHAR(32)  NOT NULL,
    step              INT          NOT NULL,
    last_step         BOOLEAN      NOT NULL COMMENT 'this row ends the message, statistics count it',
    username          VARCHAR(64)  NOT NULL,
    service_key       VARCHAR(64)  NOT NULL,
    requested_channel VARCHAR(16)  NOT NULL,
    requested_type    VARCHAR(32)  NOT NULL,
    state             VARCHAR(16)  NOT NULL,
    received_at       BIGINT       NOT NULL,
    message_id        VARCHAR(64)  NOT NULL,
    serial_number     VARCHAR(64)  NOT NULL,
    channel           VARCHAR(16)  NOT NULL,
    message_type      VARCHAR(32)  NOT NULL,
    priority          VARCHAR(16)  NOT NULL,
    origin            VARCHAR(16)  NOT NULL,
    code              VARCHAR(32)  NOT NULL,
    vendor            VARCHAR(64)  NOT NULL,
    vendor_code       VARCHAR(64)  NOT NULL,
    attempts          INT          NOT NULL,
    distribution_at   BIGINT,
    sent_at           BIGINT,
    report_at         BIGINT       NOT NULL,
    source            VARCHAR(16)  NOT NULL,
    bill_code         VARCHAR(64),
    recipient_lookup  BINARY(16) COMMENT 'HMAC of the recipient: found by who knows number and key',
    recipient         BLOB         NOT NULL COMMENT 'personal data, encrypted',
    title             BLOB,
    message           MEDIUMBLOB,
    PRIMARY KEY (track_id, step),
    KEY history_message (service_key, message_id, received_at),
    KEY history_recipient (recipient_lookup, received_at),
    KEY history_time (service_key, received_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Ended messages by the day of their request in Korea, counted under the requested channel and type.
-- total = success + fail + cancelled; uncertain and expired are parts of fail, fallback and fallback_success of total.
CREATE TABLE IF NOT EXISTS daily_statistics (
    day              CHAR(10)    NOT NULL COMMENT 'YYYY-MM-DD, Asia/Seoul',
    service_key      VARCHAR(64) NOT NULL,
    channel          VARCHAR(16) NOT NULL,
    message_type     VARCHAR(32) NOT NULL,
    total            BIGINT      NOT NULL,
    success          BIGINT      NOT NULL,
    fail             BIGINT      NOT NULL,
    uncertain        BIGINT      NOT NULL,
    expired          BIGINT      NOT NULL,
    cancelled        BIGINT      NOT NULL,
    fallback         BIGINT      NOT NULL COMMENT 'ended on a fallback step',
    fallback_success BIGINT      NOT NULL,
    PRIMARY KEY (service_key, day, channel, message_type)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The newest report of each message, and what came after its end.
CREATE TABLE IF NOT EXISTS reports (
    track_id     VARCHAR(32) NOT NULL,
    username     VARCHAR(64) NOT NULL,
    service_key  VARCHAR(64) NOT NULL,
    message_id   VARCHAR(64) NOT NULL,
    duplicate    BOOLEAN     NOT NULL COMMENT 'refused because the message_id was held by another message (2030)',
    requested_at BIGINT      NOT NULL,
    report       MEDIUMTEXT  NOT NULL COMMENT 'JSON of the newest Report that changed the state',
    late         MEDIUMTEXT COMMENT 'JSON of the newest Report after the end',
    PRIMARY KEY (track_id),
    KEY reports_message (username, message_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
