-- People who sign in, as opposed to the programs that secret_keys are for.
CREATE TABLE IF NOT EXISTS users (
    login      VARCHAR(64)  NOT NULL,
    username   VARCHAR(64)  NOT NULL COMMENT 'its customer; empty: an operator',
    role       VARCHAR(16)  NOT NULL COMMENT 'operator, manager or reader',
    hash       VARCHAR(512) NOT NULL COMMENT 'of the password: argon2id, in PHC form',
    active     BOOLEAN      NOT NULL COMMENT 'who is not is let in no more',
    created_at BIGINT COMMENT 'Unix milliseconds; NULL: nobody wrote it down',
    version    BIGINT       NOT NULL,
    removed    BOOLEAN      NOT NULL,
    PRIMARY KEY (login),
    KEY users_version (version),
    KEY users_changes (username, version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
