-- What a vendor speaks, and where. Those of before are simulated ones.
ALTER TABLE vendors ADD COLUMN protocol TEXT NOT NULL DEFAULT 'simulated'; -- simulated or bizgo
ALTER TABLE vendors ADD COLUMN url      TEXT NOT NULL DEFAULT '';          -- the beginning of its addresses
