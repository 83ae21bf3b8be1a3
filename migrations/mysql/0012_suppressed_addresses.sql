-- Mailboxes that are not written to: a server said for good that they take no mail. Nothing of them but an HMAC is kept.
CREATE TABLE IF NOT EXISTS suppressed_addresses (
    address_lookup BINARY(16)  NOT NULL COMMENT 'HMAC of the address in small letters',
    code           VARCHAR(16) NOT NULL COMMENT 'enhanced status code that said so',
    suppressed_at  BIGINT      NOT NULL COMMENT 'Unix milliseconds',
    PRIMARY KEY (address_lookup)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
