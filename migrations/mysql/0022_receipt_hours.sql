-- How long a receipt may take, of families that differ. As in 0004, the column is asked for first.
SET @receipt_hours = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'vendors' AND column_name = 'receipt_hours_of') = 0,
    'ALTER TABLE vendors
        ADD COLUMN receipt_hours_of TEXT NULL COMMENT ''JSON: hours by family; NULL: receipt_hours for all''',
    'DO 0'
);
PREPARE receipt_hours FROM @receipt_hours;
EXECUTE receipt_hours;
DEALLOCATE PREPARE receipt_hours;
