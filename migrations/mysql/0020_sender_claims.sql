-- Channels of KakaoTalk that customers claim as sender profiles, by the token that Kakao sends to their managers. Beside the
-- profiles, because nobody holds them: they have no version.
CREATE TABLE IF NOT EXISTS sender_claims (
    username   VARCHAR(64)     NOT NULL,
    channel_id VARCHAR(64)     NOT NULL,
    stage      VARCHAR(16)     NOT NULL COMMENT 'asked, asking, sent, handed, registered or refused',
    sealed     VARBINARY(2048) NOT NULL COMMENT 'the manager''s phone, and what was handed in with its token',
    tries      BIGINT          NOT NULL COMMENT 'how often a token was handed in since one was asked for',
    sender_key VARCHAR(64)     COMMENT 'what the dealer gave for the token',
    comment    TEXT            COMMENT 'why it was refused, or is not known',
    noted_at   BIGINT          NOT NULL COMMENT 'Unix milliseconds',
    due_at     BIGINT          NOT NULL COMMENT 'when the dealer is told, Unix milliseconds',
    revision   BIGINT          NOT NULL COMMENT 'of each change: what was decided by an older one is not written',
    PRIMARY KEY (username, channel_id),
    KEY sender_claims_stage (stage, due_at),
    KEY sender_claims_noted (noted_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Tokens that were asked for: a phone gets so many a day, whoever asks.
CREATE TABLE IF NOT EXISTS sender_token_requests (
    phone_lookup BINARY(16)  NOT NULL,
    requested_at BIGINT      NOT NULL COMMENT 'Unix milliseconds',
    username     VARCHAR(64) NOT NULL,
    PRIMARY KEY (phone_lookup, requested_at, username),
    KEY sender_token_requests_username (username, requested_at),
    KEY sender_token_requests_time (requested_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- How sender profiles stand at their dealer.
CREATE TABLE IF NOT EXISTS dealer_profiles (
    sender_key VARCHAR(64) NOT NULL,
    vendor     VARCHAR(64) NOT NULL,
    state      VARCHAR(16) NOT NULL COMMENT 'active, dormant, blocked, deactivated, deleting, gone, elsewhere or unclear',
    comment    TEXT,
    noted_at   BIGINT      NOT NULL COMMENT 'Unix milliseconds',
    recover    BOOLEAN     NOT NULL COMMENT 'whether it is to be woken',
    PRIMARY KEY (sender_key)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What channels may be about, as their dealer numbers it.
CREATE TABLE IF NOT EXISTS dealer_categories (
    vendor VARCHAR(64)  NOT NULL,
    code   VARCHAR(64)  NOT NULL,
    name   VARCHAR(255) NOT NULL,
    PRIMARY KEY (vendor, code)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
