-- Weights of vendors for some messages, in the place of that of their row. What holds for all is empty: a key has no NULL.
CREATE TABLE IF NOT EXISTS vendor_weights (
    vendor   VARCHAR(64) NOT NULL,
    family   VARCHAR(16) NOT NULL COMMENT 'send family; empty: all of the vendor',
    priority VARCHAR(16) NOT NULL COMMENT 'AUTH, REALTIME, MASS or AD; empty: all',
    username VARCHAR(64) NOT NULL COMMENT 'customer; empty: all',
    weight   BIGINT      NOT NULL COMMENT 'share, relative to the other vendors of the family; 0: none of these messages',
    version  BIGINT      NOT NULL,
    removed  BOOLEAN     NOT NULL,
    PRIMARY KEY (vendor, family, priority, username),
    KEY vendor_weights_version (version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
