-- The id first, as in the store of history: ids of all customers stand side by side.
DROP INDEX reports_by_message;
CREATE INDEX reports_by_message ON reports (message_id, username);
