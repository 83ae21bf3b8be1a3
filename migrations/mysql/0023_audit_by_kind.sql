-- Lines of the audit by what they are of: which templates were woken, and which lines have ended. Asked for first, as in
-- 0007.
SET @statement = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'audit' AND index_name = 'audit_kind') = 0,
    'ALTER TABLE audit ADD KEY audit_kind (kind, at)', 'DO 0');
PREPARE statement FROM @statement;
EXECUTE statement;
DEALLOCATE PREPARE statement;
