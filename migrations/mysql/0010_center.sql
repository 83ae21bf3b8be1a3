-- What customers keep beside reference data: push tokens of their apps' users, and files. Nobody holds these: they have no
-- version.

-- Push tokens, by service key: each app of a customer has one of its own. May be millions.
CREATE TABLE IF NOT EXISTS push_tokens (
    service_key   VARCHAR(40)     NOT NULL COMMENT 'whose app it is',
    token_lookup  BINARY(16)      NOT NULL COMMENT 'HMAC of the token, as in dead_push_tokens',
    username      VARCHAR(64)     NOT NULL COMMENT 'of the service key',
    user_lookup   BINARY(16)      NOT NULL COMMENT 'HMAC of the id in the app',
    token         VARBINARY(1700) NOT NULL COMMENT 'encrypted',
    app_user_id   VARBINARY(300)  NOT NULL COMMENT 'id in the customer''s app, encrypted',
    registered_at BIGINT          NOT NULL COMMENT 'Unix milliseconds, of the newest registration',
    PRIMARY KEY (service_key, token_lookup),
    KEY push_tokens_user (service_key, user_lookup, registered_at, token_lookup),
    KEY push_tokens_time (service_key, registered_at, token_lookup),
    KEY push_tokens_lookup (token_lookup)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Files that go with messages. Their bytes are elsewhere ([files]); a row is there before them and until they are gone.
CREATE TABLE IF NOT EXISTS files (
    username     VARCHAR(64)    NOT NULL,
    file_key     VARCHAR(64)    NOT NULL COMMENT 'what messages name',
    channel      VARCHAR(8)     NOT NULL COMMENT 'MT or EM: what it may go with',
    name         VARBINARY(500) NOT NULL COMMENT 'as its customer calls it, encrypted',
    content_type VARCHAR(100)   NOT NULL COMMENT 'by its content',
    bytes        BIGINT         NOT NULL,
    width        BIGINT         NULL COMMENT 'pixels of an image of an MMS',
    height       BIGINT         NULL,
    state        VARCHAR(8)     NOT NULL COMMENT 'coming, kept or going',
    created_at   BIGINT         NOT NULL COMMENT 'Unix milliseconds',
    PRIMARY KEY (username, file_key),
    KEY files_time (username, created_at, file_key),
    KEY files_state (state, created_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- How many rows a customer has of what is too much to be counted each time: opt_outs, push_tokens, files, and their bytes
-- (file_bytes). Written with them.
CREATE TABLE IF NOT EXISTS row_counts (
    username VARCHAR(64) NOT NULL,
    kind     VARCHAR(16) NOT NULL,
    counted  BIGINT      NOT NULL,
    PRIMARY KEY (username, kind)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
-- Those that are there stay as they are: this bears being repeated.
INSERT IGNORE INTO row_counts (username, kind, counted)
SELECT username, 'opt_outs', COUNT(*) FROM opt_outs GROUP BY username;

-- Tokens that are registered again live, whoever called them dead. Asked for first, as in 0007.
SET @statement = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'dead_push_tokens' AND index_name = 'dead_push_tokens_lookup') = 0,
    'ALTER TABLE dead_push_tokens ADD KEY dead_push_tokens_lookup (token_lookup)', 'DO 0');
PREPARE statement FROM @statement;
EXECUTE statement;
DEALLOCATE PREPARE statement;

-- Whose row a line is about, so that customers are told of their own; NULL: nobody's, or from before.
SET @statement = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'audit' AND column_name = 'username') = 0,
    'ALTER TABLE audit
        ADD COLUMN username VARCHAR(64) NULL COMMENT ''whose row it is, NULL: of nobody, or from before'',
        ADD KEY audit_username (username, at, version)', 'DO 0');
PREPARE statement FROM @statement;
EXECUTE statement;
DEALLOCATE PREPARE statement;
