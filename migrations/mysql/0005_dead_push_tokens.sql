-- Push tokens that their service called dead: nothing is sent to them for a while. May be millions: asked for in batches,
-- never held.
CREATE TABLE IF NOT EXISTS dead_push_tokens (
    vendor       VARCHAR(64) NOT NULL COMMENT 'who said so: what one service does not know, another may',
    token_lookup BINARY(16)  NOT NULL COMMENT 'HMAC of the token, as for recipients in history',
    code         VARCHAR(40) NOT NULL COMMENT 'what it said, a code of its table',
    dead_since   BIGINT      NOT NULL COMMENT 'Unix milliseconds: a token that was registered later lives',
    noted_at     BIGINT      NOT NULL COMMENT 'Unix milliseconds: 30 days later the service is asked again',
    PRIMARY KEY (vendor, token_lookup),
    KEY dead_push_tokens_noted (noted_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
