-- What operators say of a vendor while it is in use.
ALTER TABLE vendors ADD COLUMN paused   INTEGER NOT NULL DEFAULT 0; -- nothing leaves to it
ALTER TABLE vendors ADD COLUMN cost_krw TEXT;                       -- JSON: what a message costs by family, won; NULL: not known
