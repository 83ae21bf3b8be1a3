-- Mailboxes that are not written to: a server said for good that they take no mail. Nothing of them but an HMAC is kept.
CREATE TABLE suppressed_addresses (
    address_lookup BLOB    NOT NULL, -- HMAC of the address in small letters
    code           TEXT    NOT NULL, -- enhanced status code that said so
    suppressed_at  INTEGER NOT NULL, -- Unix milliseconds
    PRIMARY KEY (address_lookup)
) STRICT, WITHOUT ROWID;
