-- Who agreed to the ads of a customer (정보통신망법 제50조), found by HMAC as opt-outs are. May be millions; nobody holds them:
-- they have no version.
CREATE TABLE consents (
    username         TEXT    NOT NULL,
    recipient_lookup BLOB    NOT NULL, -- HMAC of the recipient, as in opt_outs
    channel          TEXT    NOT NULL, -- AT, FT, BT, MT, RC, PU, EM; empty: all
    kind             TEXT    NOT NULL, -- ad or night
    recipient        BLOB    NOT NULL, -- number in international digits, app user id or address: encrypted
    app_user         INTEGER NOT NULL, -- it is an app user id
    consented_at     INTEGER NOT NULL, -- Unix milliseconds
    withdrawn_at     INTEGER,          -- Unix milliseconds; NULL: it stands
    noticed_at       INTEGER,          -- Unix milliseconds: when it was told again last
    notice_years     INTEGER,          -- years by which notice_day was reckoned; 0: it was not; NULL: nothing is told
    notice_day       INTEGER,          -- when it is to be told again, days from 1970-01-01, Asia/Seoul
    notice_begun_at  INTEGER,          -- Unix milliseconds: since when a process has been telling it
    changed_at       INTEGER NOT NULL, -- Unix milliseconds
    PRIMARY KEY (username, recipient_lookup, channel, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX consents_time ON consents (username, changed_at, recipient_lookup, channel, kind);
CREATE INDEX consents_notice ON consents (username, notice_years, notice_day, recipient_lookup, channel, kind);

-- Whose ads go to those alone who agreed, and how these are told again.
ALTER TABLE customers ADD COLUMN ads_by_consent  INTEGER NOT NULL DEFAULT 0; -- ads go to those alone whose consent is kept
ALTER TABLE customers ADD COLUMN consent_notices TEXT;                       -- JSON: how they are told again; NULL: not at all
