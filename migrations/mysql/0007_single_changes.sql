-- Rows of reference data that are changed one by one: listed by customer in the order of their changes, by whom.
--
-- One statement for each table, which is whole or not at all; asked for first, because MySQL 8 has no ADD KEY IF NOT
-- EXISTS. Changing a column to what it is bears being repeated.
ALTER TABLE audit MODIFY COLUMN actor VARCHAR(160) NOT NULL COMMENT 'who: a customer and its key, or a user';

SET @statement = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'audit' AND index_name = 'audit_version') = 0,
    'ALTER TABLE audit ADD KEY audit_version (version, at), ADD KEY audit_at (at, version)', 'DO 0');
PREPARE statement FROM @statement;
EXECUTE statement;
DEALLOCATE PREPARE statement;

SET @statement = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'service_keys' AND index_name = 'service_keys_changes') = 0,
    'ALTER TABLE service_keys ADD KEY service_keys_changes (username, version)', 'DO 0');
PREPARE statement FROM @statement;
EXECUTE statement;
DEALLOCATE PREPARE statement;

SET @statement = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'sender_profiles' AND index_name = 'sender_profiles_changes') = 0,
    'ALTER TABLE sender_profiles ADD KEY sender_profiles_changes (username, version)', 'DO 0');
PREPARE statement FROM @statement;
EXECUTE statement;
DEALLOCATE PREPARE statement;

SET @statement = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'sender_numbers' AND index_name = 'sender_numbers_changes') = 0,
    'ALTER TABLE sender_numbers ADD KEY sender_numbers_changes (username, version)', 'DO 0');
PREPARE statement FROM @statement;
EXECUTE statement;
DEALLOCATE PREPARE statement;

SET @statement = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'templates' AND index_name = 'templates_changes') = 0,
    'ALTER TABLE templates ADD KEY templates_changes (username, version)', 'DO 0');
PREPARE statement FROM @statement;
EXECUTE statement;
DEALLOCATE PREPARE statement;

-- Where an opt-out came from. Those of before were imported.
SET @statement = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'opt_outs' AND column_name = 'source') = 0,
    'ALTER TABLE opt_outs
        ADD COLUMN source VARCHAR(16) NOT NULL DEFAULT ''import'' COMMENT ''call, click, customer or import'',
        ADD KEY opt_outs_time (username, refused_at, recipient_lookup)', 'DO 0');
PREPARE statement FROM @statement;
EXECUTE statement;
DEALLOCATE PREPARE statement;
