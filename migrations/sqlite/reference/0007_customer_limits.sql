-- How much a customer may send over HTTP. Those of before have no bounds.
ALTER TABLE customers ADD COLUMN rate_per_second INTEGER; -- messages a second; NULL: no bound
ALTER TABLE customers ADD COLUMN daily_quota     INTEGER; -- messages of a day (Asia/Seoul); NULL: no bound
