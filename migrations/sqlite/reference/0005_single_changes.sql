-- Rows of reference data that are changed one by one: listed by customer in the order of their changes.
CREATE INDEX audit_version ON audit (version, at);
CREATE INDEX audit_at ON audit (at, version);
CREATE INDEX service_keys_changes ON service_keys (username, version);
CREATE INDEX sender_profiles_changes ON sender_profiles (username, version);
CREATE INDEX sender_numbers_changes ON sender_numbers (username, version);
CREATE INDEX templates_changes ON templates (username, version);
-- Where an opt-out came from: call, click, customer or import. Those of before were imported.
ALTER TABLE opt_outs ADD COLUMN source TEXT NOT NULL DEFAULT 'import';
CREATE INDEX opt_outs_time ON opt_outs (username, refused_at, recipient_lookup);
