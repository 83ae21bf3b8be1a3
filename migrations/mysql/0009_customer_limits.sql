-- How much a customer may send over HTTP. Those of before have no bounds.
--
-- The columns are asked for first and come in one statement, as in 0004.
SET @customer_limits = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'customers' AND column_name = 'daily_quota') = 0,
    'ALTER TABLE customers
        ADD COLUMN rate_per_second BIGINT NULL COMMENT ''messages a second, NULL: no bound'',
        ADD COLUMN daily_quota     BIGINT NULL COMMENT ''messages of a day (Asia/Seoul), NULL: no bound''',
    'DO 0'
);
PREPARE customer_limits FROM @customer_limits;
EXECUTE customer_limits;
DEALLOCATE PREPARE customer_limits;
