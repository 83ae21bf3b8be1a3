-- Lines of the audit by what they are of: which templates were woken, and which lines have ended.
CREATE INDEX audit_kind ON audit (kind, at);
