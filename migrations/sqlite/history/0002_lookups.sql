-- What a customer looks history up by: its message_id, a recipient, a span of time.
CREATE INDEX history_message ON history (service_key, message_id, received_at);
CREATE INDEX history_recipient ON history (recipient_lookup, received_at);
CREATE INDEX history_time ON history (service_key, received_at);
