-- What a vendor speaks, and where. Those of before are simulated ones.
--
-- A process may die between a change of columns and the note that it was made, and MySQL 8 has no ADD COLUMN IF NOT
-- EXISTS: the columns are asked for first. Both come in one statement, which is whole or not at all.
SET @vendor_protocols = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'vendors' AND column_name = 'protocol') = 0,
    'ALTER TABLE vendors
        ADD COLUMN protocol VARCHAR(16)  NOT NULL DEFAULT ''simulated'' COMMENT ''simulated or bizgo'',
        ADD COLUMN url      VARCHAR(255) NOT NULL DEFAULT '''' COMMENT ''the beginning of its addresses''',
    'DO 0'
);
PREPARE vendor_protocols FROM @vendor_protocols;
EXECUTE vendor_protocols;
DEALLOCATE PREPARE vendor_protocols;
