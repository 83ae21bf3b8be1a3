-- Who agreed to the ads of a customer (정보통신망법 제50조), found by HMAC as opt-outs are. May be millions; nobody holds them:
-- they have no version.
CREATE TABLE IF NOT EXISTS consents (
    username         VARCHAR(64) NOT NULL,
    recipient_lookup BINARY(16)  NOT NULL COMMENT 'HMAC of the recipient, as in opt_outs',
    channel          VARCHAR(8)  NOT NULL COMMENT 'AT, FT, BT, MT, RC, PU, EM; empty: all',
    kind             VARCHAR(8)  NOT NULL COMMENT 'ad or night',
    recipient        BLOB        NOT NULL COMMENT 'number in international digits, app user id or address: encrypted',
    app_user         TINYINT(1)  NOT NULL COMMENT 'it is an app user id',
    consented_at     BIGINT      NOT NULL COMMENT 'Unix milliseconds',
    withdrawn_at     BIGINT      NULL COMMENT 'Unix milliseconds, NULL: it stands',
    noticed_at       BIGINT      NULL COMMENT 'Unix milliseconds: when it was told again last',
    notice_years     BIGINT      NULL COMMENT 'years by which notice_day was reckoned, 0: it was not, NULL: nothing is told',
    notice_day       BIGINT      NULL COMMENT 'when it is to be told again, days from 1970-01-01, Asia/Seoul',
    notice_begun_at  BIGINT      NULL COMMENT 'Unix milliseconds: since when a process has been telling it',
    changed_at       BIGINT      NOT NULL COMMENT 'Unix milliseconds',
    PRIMARY KEY (username, recipient_lookup, channel, kind),
    KEY consents_time (username, changed_at, recipient_lookup, channel, kind),
    KEY consents_notice (username, notice_years, notice_day, recipient_lookup, channel, kind)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Whose ads go to those alone who agreed, and how these are told again. Asked for first, as in 0007.
SET @statement = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'customers' AND column_name = 'ads_by_consent') = 0,
    'ALTER TABLE customers
        ADD COLUMN ads_by_consent  TINYINT(1) NOT NULL DEFAULT 0 COMMENT ''ads go to those alone whose consent is kept'',
        ADD COLUMN consent_notices MEDIUMTEXT NULL COMMENT ''JSON: how consents are told again, NULL: not at all''',
    'DO 0'
);
PREPARE statement FROM @statement;
EXECUTE statement;
DEALLOCATE PREPARE statement;
