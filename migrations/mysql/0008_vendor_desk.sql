-- What operators say of a vendor while it is in use. As in 0004, the columns are asked for first, and come in one statement.
SET @vendor_desk = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'vendors' AND column_name = 'paused') = 0,
    'ALTER TABLE vendors
        ADD COLUMN paused   BOOLEAN NOT NULL DEFAULT 0 COMMENT ''nothing leaves to it'',
        ADD COLUMN cost_krw TEXT    NULL COMMENT ''JSON: what a message costs by family, won; NULL: not known''',
    'DO 0'
);
PREPARE vendor_desk FROM @vendor_desk;
EXECUTE vendor_desk;
DEALLOCATE PREPARE vendor_desk;
