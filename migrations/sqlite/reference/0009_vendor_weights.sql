-- Weights of vendors for some messages, in the place of that of their row. What holds for all is empty: a key has no NULL.
CREATE TABLE vendor_weights (
    vendor   TEXT    NOT NULL,
    family   TEXT    NOT NULL, -- send family; empty: all of the vendor
    priority TEXT    NOT NULL, -- AUTH, REALTIME, MASS or AD; empty: all
    username TEXT    NOT NULL, -- customer; empty: all
    weight   INTEGER NOT NULL, -- share, relative to the other vendors of the family; 0: none of these messages
    version  INTEGER NOT NULL,
    removed  INTEGER NOT NULL,
    PRIMARY KEY (vendor, family, priority, username)
) STRICT, WITHOUT ROWID;
CREATE INDEX vendor_weights_version ON vendor_weights (version);
