package import GRDB

/// An open vault: the one API for data. Every access is a transaction, `read` or `write`; what a `write`
/// returned from is on disk.
public final class Vault: Sendable {
    let writer: any DatabaseWriter
    let origin: Origin
    package let surroundings: Surroundings
    let ids: IDGenerator

    /// Opens the records in `writer`, bringing its tables up to date.
    /// - Throws: `VaultError` with code `newer_format` when a newer program wrote them; nothing is touched then.
    package init(writer: any DatabaseWriter, origin: Origin, surroundings: Surroundings) throws {
        self.writer = writer
        self.origin = origin
        self.surroundings = surroundings
        ids = IDGenerator(surroundings)
        try Schema.bringUpToDate(writer, surroundings: surroundings)
    }

    /// Reads at one moment; never waits for writers.
    public func read<T>(_ body: (ReadTransaction) throws -> T) throws -> T {
        try writer.read { db in try body(ReadTransaction(db: db, now: surroundings.now())) }
    }

    /// Writes all or nothing. `actor` is who the change log and histories name.
    @discardableResult
    public func write<T>(actor: String = "user", _ body: (WriteTransaction) throws -> T) throws -> T {
        try writer.write { db in
            let transaction = WriteTransaction(
                db: db, actor: actor, origin: origin, surroundings: surroundings, ids: ids)
            let result = try body(transaction)
            try transaction.finish()
            return result
        }
    }
}

extension Vault {
    /// How every connection is set up.
    package static func databaseConfiguration() -> Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(30)
        configuration.prepareDatabase { db in
            try ConnectionSetup.apply(db)
        }
        return configuration
    }
}
