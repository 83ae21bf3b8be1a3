-- The calls of a message: one event of some hundreds is one, and a customer asks for those of one message.
CREATE INDEX events_calls ON events (event ->> 'track_id') WHERE event ->> 'event' = 'CALLBACK';

-- What followed from calls, per minute; those of before are not counted.
CREATE TABLE calls (
    minute   INTEGER NOT NULL, -- Unix milliseconds UTC of its beginning
    channel  TEXT    NOT NULL,
    username TEXT    NOT NULL,
    outcome  TEXT    NOT NULL, -- told, again, disabled, given_up
    count    INTEGER NOT NULL, -- of reports
    PRIMARY KEY (minute, channel, username, outcome)
) STRICT, WITHOUT ROWID;
