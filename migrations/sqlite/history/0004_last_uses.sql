-- When a message of each inspected template left last: written with its row of history, by the day.
CREATE TABLE last_uses (
    username      TEXT    NOT NULL,
    channel       TEXT    NOT NULL, -- AT, FT, BT or RC
    template_code TEXT    NOT NULL,
    used_on       INTEGER NOT NULL, -- Unix milliseconds, the beginning of the day in Korea
    PRIMARY KEY (username, channel, template_code)
) WITHOUT ROWID;
-- Since when it is written: nothing is told of what was before.
INSERT INTO last_uses (username, channel, template_code, used_on)
VALUES ('', '', '', CAST(strftime('%s', 'now') AS INTEGER) * 1000);
