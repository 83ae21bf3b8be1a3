-- History by time is asked for by channel: rows of one service key and channel stand in the order of their time.
CREATE INDEX history_channel ON history (service_key, requested_channel, received_at, track_id, step);
DROP INDEX history_time;
