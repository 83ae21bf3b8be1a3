-- When a message of each inspected template left last: written with its row of history, by the day.
CREATE TABLE IF NOT EXISTS last_uses (
    username      VARCHAR(64) NOT NULL,
    channel       VARCHAR(16) NOT NULL COMMENT 'AT, FT, BT or RC',
    template_code VARCHAR(64) NOT NULL,
    used_on       BIGINT      NOT NULL COMMENT 'Unix milliseconds, the beginning of the day in Korea',
    PRIMARY KEY (username, channel, template_code)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
-- Since when it is written: nothing is told of what was before.
INSERT IGNORE INTO last_uses (username, channel, template_code, used_on) VALUES ('', '', '', UNIX_TIMESTAMP() * 1000);
