internal import Cryptography
package import EncryptedSQLite
package import Vault

/// What an export wrote.
package struct ExportResult: Sendable {
    /// Something that is not in the archive, and why: one bad object never blocks the others.
    package struct Failure: Sendable {
        /// Where it would stand in the tree.
        package let path: RelativePath
        package let message: String
    }

    /// Files, whatever they came from, and their bytes.
    package var files: UInt64 = 0
    package var bytes: UInt64 = 0
    package var failures: [Failure] = []
}

/// Writes a backup in plain: readable by everybody, and meant so.
///
/// Nothing plain goes anywhere but to the target: the database is rebuilt in an encrypted copy and decrypted
/// on its way out, documents and files from outside are verified before their first byte is written.
package struct BackupExport {
    /// What is verified in memory; anything larger is read twice.
    private static let memoryLimit: Int64 = 8 << 20

    /// A document's version that is there to be written.
    struct Document {
        let path: RelativePath
        /// Bytes of content.
        let size: Int64
        /// Nanoseconds since 1970.
        let modified: Int64
        /// Makes its content ready to be read, more than once if need be.
        let open: () throws -> ExportContent
    }

    /// Says which records of a kind are wanted; nil for none.
    package typealias Records = (ExportedRecords) -> ((JSONObject) -> Bool)?

    private let outside: OutsideReader?
    private let only: (RelativePath) -> Bool
    private let progress: (UInt64) -> Void
    private let target: any ExportTarget
    private var result = ExportResult()
    private var steps = ProgressSteps()

    /// Writes everything that `only` takes.
    ///
    /// - Parameters:
    ///   - vault: the state of the backup, opened; nobody writes to it meanwhile.
    ///   - keys: of the same home.
    ///   - scratch: a directory that does not exist, for the encrypted copy; it is removed again.
    ///   - outside: files from outside the vault, if the backup has any.
    ///   - only: is given every path of the tree (`ExportTree`).
    ///   - records: of kinds that `only` does not take whole.
    ///   - modified: nanoseconds since 1970, for what has no time of its own.
    ///   - progress: is given the bytes of content written so far.
    ///   - target: `ExportArchive` or `ExportDirectory`.
    package static func write(
        _ vault: Vault, keys: any DatabaseKeySource, scratch: String, outside: OutsideReader? = nil,
        only: @escaping (RelativePath) -> Bool = { _ in true }, records: Records = { _ in nil },
        modified: Int64, progress: @escaping (UInt64) -> Void = { _ in }, to target: any ExportTarget
    ) throws -> ExportResult {
        var export = BackupExport(
            outside: outside, only: only, progress: progress, target: target)
        try export.writeRecords(of: vault, records, modified)
        try export.writeDatabase(of: vault, keys, scratch, modified)
        try export.writeDocuments(of: vault)
        try export.writeOutside()
        try target.finish()
        return export.result
    }

    /// Writes documents and files from outside the vault alone, for which nobody needs the vault.
    ///
    /// - Parameter documents: those that are wanted.
    static func write(
        _ documents: [Document] = [], outside: OutsideReader?, only: @escaping (RelativePath) -> Bool,
        progress: @escaping (UInt64) -> Void = { _ in }, to target: any ExportTarget
    ) throws -> ExportResult {
        var export = BackupExport(outside: outside, only: only, progress: progress, target: target)
        try export.write(documents)
        try export.writeOutside()
        try target.finish()
        return export.result
    }

    private init(
        outside: OutsideReader?, only: @escaping (RelativePath) -> Bool,
        progress: @escaping (UInt64) -> Void, target: any ExportTarget
    ) {
        self.outside = outside
        self.only = only
        self.progress = progress
        self.target = target
    }

    /// JSON Lines are made twice: a member's length stands before its content.
    private mutating func writeRecords(of vault: Vault, _ records: Records, _ modified: Int64) throws {
        for kind in ExportedRecords.allCases {
            let path = ExportTree.records(kind.rawValue)
            var isWanted: (JSONObject) -> Bool = { _ in true }
            let isWhole = only(path)
            if !isWhole {
                guard let some = records(kind) else { continue }
                isWanted = some
            }
            try vault.read { tx in
                func each(_ body: ([UInt8]) throws -> Void) throws {
                    try tx.export(kind) { line in
                        if isWhole { return try body(line) }
                        guard let record = try JSONValue(parsing: line).object, isWanted(record) else {
                            return
                        }
                        try body(line)
                    }
                }
                var size: Int64 = 0
                try each { size += Int64($0.count) }
                guard isWhole || size > 0 else { return }
                let header = ExportHeader(path: path, size: size, modified: modified)
                try add(header) { write in
                    try each { try $0.withUnsafeBytes(write) }
                }
            }
        }
    }

    private mutating func writeDatabase(
        of vault: Vault, _ keys: any DatabaseKeySource, _ scratch: String, _ modified: Int64
    ) throws {
        guard only(ExportTree.database) else { return }
        try vault.withPlainDatabase(keys: keys, in: scratch) { database in
            let header = ExportHeader(
                path: ExportTree.database, size: database.count, modified: modified)
            try add(header) { try database.read($0) }
        }
    }

    private mutating func writeDocuments(of vault: Vault) throws {
        let versions = try vault.storedVersions()
        let paths = ExportTree.paths(of: versions.map { ExportTree.Version($0) })
        try write(
            zip(versions, paths).filter { only($1) }.map { version, path in
                let reference = version.content.reference
                let (time, overflow) = version.createdAt.milliseconds
                    .multipliedReportingOverflow(by: 1_000_000)
                return Document(path: path, size: reference.size, modified: overflow ? 0 : time) {
                    { try vault.blobs.read(reference, $0) }
                }
            })
    }

    private mutating func write(_ documents: [Document]) throws {
        for document in documents {
            let header = ExportHeader(path: document.path, size: document.size, modified: document.modified)
            do {
                try addVerified(header, target.takesContent ? document.open() : { _ in })
            } catch let error as VaultError where error.code == .integrityFailure || error.code == .notFound {
                fail(document.path, error.message)
            } catch let error as BackupError where error.code == .integrity {
                fail(document.path, error.description)
            }
        }
    }

    private mutating func fail(_ path: RelativePath, _ message: String) {
        result.failures.append(ExportResult.Failure(path: path, message: message))
    }

    private mutating func writeOutside() throws {
        guard let outside else { return }
        try outside.forEach { [only] entry in
            entry.treePath.map(only) ?? false
        } _: { item in
            let entry = item.entry
            guard let path = entry.treePath else { return }
            let header = ExportHeader(
                path: path, kind: entry.kind, size: Int64(clamping: entry.size),
                permissions: entry.permissions & 0o777, modified: entry.modified)
            do {
                guard item.isFile else { return try target.add(header) }
                try addVerified(header) { try outside.read(item, $0) }
            } catch let error as BackupError where error.code == .integrity {
                fail(path, error.description)
            }
        } broken: { error in
            fail(ExportTree.files, error.description)
        }
    }

    /// Adds content that may turn out to be damaged, when it is known not to be.
    private mutating func addVerified(_ header: ExportHeader, _ read: ExportContent) throws {
        guard target.takesContent, header.size <= Self.memoryLimit else {
            if target.takesContent { try read { _ in } }
            return try add(header, read)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(header.size))
        try read { bytes.append(contentsOf: $0) }
        try add(header) { write in try bytes.withUnsafeBytes(write) }
    }

    private mutating func add(_ header: ExportHeader, _ read: ExportContent) throws {
        var steps = steps
        let progress = progress
        if target.takesContent {
            try target.add(header) { write in
                try read { bytes in
                    try write(bytes)
                    steps.add(bytes.count, progress)
                }
            }
        } else {
            steps.add(Int(clamping: header.size), progress)
        }
        result.files += 1
        result.bytes = steps.done
        self.steps = steps
    }
}
