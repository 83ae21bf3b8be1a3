-- Secrets with which customers come in over HTTP: hashed, one or two of a customer.
CREATE TABLE IF NOT EXISTS secret_keys (
    username   VARCHAR(64)  NOT NULL,
    name       VARCHAR(64)  NOT NULL COMMENT 'tells it from the other one of its customer',
    hash       VARCHAR(512) NOT NULL COMMENT 'argon2id, in PHC form',
    expires_at BIGINT COMMENT 'Unix milliseconds: from then on it is not valid; NULL: it stays',
    networks   TEXT         NOT NULL COMMENT 'JSON: from where it may be used; empty: from everywhere',
    scopes     VARCHAR(64)  NOT NULL COMMENT 'JSON: send, report, cancel: what it may be used for',
    version    BIGINT       NOT NULL,
    removed    BOOLEAN      NOT NULL,
    PRIMARY KEY (username, name),
    KEY secret_keys_version (version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
