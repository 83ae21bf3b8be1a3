-- History by time is asked for by channel: rows of one service key and channel stand in the order of their time.
--
-- One statement, which is whole or not at all; asked for first, because MySQL 8 has no ADD KEY IF NOT EXISTS.
SET @history_by_channel = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'history' AND index_name = 'history_channel') = 0,
    'ALTER TABLE history
        ADD KEY history_channel (service_key, requested_channel, received_at),
        DROP KEY history_time',
    'DO 0'
);
PREPARE history_by_channel FROM @history_by_channel;
EXECUTE history_by_channel;
DEALLOCATE PREPARE history_by_channel;
