-- How long a receipt may take, of families that differ.
ALTER TABLE vendors ADD COLUMN receipt_hours_of TEXT; -- JSON: hours by family; NULL: receipt_hours for all
