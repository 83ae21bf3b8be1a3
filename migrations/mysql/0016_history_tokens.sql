-- History of a push is found by each token that it went to: the tokens beside the value that its row is found by
-- (history.recipient_lookup). A push to one token alone has no row here.
CREATE TABLE IF NOT EXISTS history_tokens (
    track_id     VARCHAR(32) NOT NULL,
    step         INT         NOT NULL,
    token_lookup BINARY(16)  NOT NULL COMMENT 'HMAC of the token',
    received_at  BIGINT      NOT NULL COMMENT 'when its message was requested, Unix milliseconds',
    PRIMARY KEY (track_id, step, token_lookup),
    KEY history_tokens_token (token_lookup, received_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
