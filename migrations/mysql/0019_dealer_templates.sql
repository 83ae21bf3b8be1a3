-- What is known of templates at the dealer that registers them at Kakao. Beside them, because nobody holds it: it has no
-- version.
CREATE TABLE IF NOT EXISTS dealer_templates (
    channel    VARCHAR(16) NOT NULL,
    username   VARCHAR(64) NOT NULL,
    code       VARCHAR(64) NOT NULL,
    sender_key VARCHAR(64) NOT NULL COMMENT 'under which it is registered there',
    vendor     VARCHAR(64) NOT NULL,
    state      VARCHAR(16) NOT NULL COMMENT 'registered, requested, approved, rejected or refused',
    comment    TEXT COMMENT 'why it was rejected or refused',
    noted_at   BIGINT      NOT NULL COMMENT 'Unix milliseconds',
    PRIMARY KEY (channel, username, code, sender_key)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Which process asks a dealer, and until when.
CREATE TABLE IF NOT EXISTS dealer_turns (
    vendor     VARCHAR(64) NOT NULL,
    holder     VARCHAR(64) NOT NULL,
    held_until BIGINT      NOT NULL COMMENT 'Unix milliseconds',
    PRIMARY KEY (vendor)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Those that wait for their inspection are looked for all day; and whether a template is still there, whoever has it.
-- Asked for first, as in 0007.
SET @statement = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'templates' AND index_name = 'templates_state') = 0,
    'ALTER TABLE templates ADD KEY templates_state (channel, state, username, code),
        ADD KEY templates_sender_key (sender_key, code)', 'DO 0');
PREPARE statement FROM @statement;
EXECUTE statement;
DEALLOCATE PREPARE statement;
