-- Groups of KakaoTalk sender profiles: each member sends the templates that are registered to its group. Where a template
-- names a sender profile it may name a group.
CREATE TABLE IF NOT EXISTS sender_groups (
    group_key   VARCHAR(64) NOT NULL,
    username    VARCHAR(64) NOT NULL,
    name        VARCHAR(64) NOT NULL COMMENT 'as people read it',
    state       VARCHAR(16) NOT NULL COMMENT 'as of sender_profiles',
    sender_keys MEDIUMTEXT  NOT NULL COMMENT 'JSON: sender profiles in it',
    version     BIGINT      NOT NULL,
    removed     BOOLEAN     NOT NULL,
    PRIMARY KEY (group_key),
    KEY sender_groups_version (version),
    KEY sender_groups_changes (username, version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
