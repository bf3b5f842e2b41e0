extension EncryptedDatabase {
    /// The `pgsz` that an FTS5 table must be given: `INSERT INTO t(t, rank) VALUES ('pgsz', 4002)`.
    ///
    /// FTS5 cuts its index into pieces of 4,050 bytes, made to fit a page of 4,096 with a few bytes to spare.
    /// A page here has 48 bytes less: every piece would have a second page for its last bytes, to be read,
    /// decrypted and written with it.
    public static let fullTextPieceBytes = 4050 - Layout.trailer
}
