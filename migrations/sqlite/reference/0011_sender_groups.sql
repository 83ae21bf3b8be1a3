-- Groups of KakaoTalk sender profiles: each member sends the templates that are registered to its group. Where a template
-- names a sender profile it may name a group.
CREATE TABLE sender_groups (
    group_key   TEXT    NOT NULL,
    username    TEXT    NOT NULL,
    name        TEXT    NOT NULL, -- as people read it
    state       TEXT    NOT NULL, -- as of sender_profiles
    sender_keys TEXT    NOT NULL, -- JSON: sender profiles in it
    version     INTEGER NOT NULL,
    removed     INTEGER NOT NULL,
    PRIMARY KEY (group_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX sender_groups_version ON sender_groups (version);
CREATE INDEX sender_groups_changes ON sender_groups (username, version);
