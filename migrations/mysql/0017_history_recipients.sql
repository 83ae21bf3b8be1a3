-- A push may go to 500 tokens, and a token of FCM has some 160 characters: more than a BLOB holds.
ALTER TABLE history
    MODIFY recipient MEDIUMBLOB NOT NULL COMMENT 'personal data, encrypted';
