-- The id first: ids of all customers that count up, or begin with the time, stand side by side. With the service key first
-- each customer had a page of its own, which each batch of ten thousand customers read and wrote.
DROP INDEX history_message;
CREATE INDEX history_message ON history (message_id, service_key, received_at);
