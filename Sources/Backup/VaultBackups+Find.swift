internal import KeyRing
internal import Vault

/// A file that some backup has.
public struct FoundFile: Sendable {
    /// Where it was.
    public enum Place: Sendable, Equatable {
        /// A document of the vault, with its id.
        case document(id: String)
        /// A file outside the vault.
        case outside
    }

    /// One content that it had.
    public struct Version: Sendable {
        /// The number of a document's version.
        public let number: UInt32?
        public let size: UInt64
        /// Nanoseconds since 1970, of a file outside the vault.
        public let modified: Int64?
        /// The ids of the backups that have it, oldest first.
        public internal(set) var backups: [String]
    }

    public let place: Place
    /// Its newest name or absolute path; need not be UTF-8.
    public internal(set) var name: [UInt8]
    /// In the order in which backups met them.
    public internal(set) var versions: [Version]
}

extension VaultBackups {
    /// Looks for documents and files from outside by name, in all backups.
    ///
    /// - Parameter name: a pattern as bytes when it has `*`, `?` or `[`, which is about the whole path, or
    ///   about the last part of it when it has no slash; otherwise a part of the path, case ignored.
    /// - Returns: what was found, in the order of names, and the backups that could not be read.
    public func find(_ name: [UInt8]) throws -> (files: [FoundFile], problems: [Problem]) {
        let index = try judged().index
        var search = FileSearch(name)
        var problems: [Problem] = []
        for entry in index.entries.sorted(by: { ($0.head.created, $0.name) < ($1.head.created, $1.name) }) {
            do {
                let backup = try open(entry)
                try search.lookAtDocuments(of: backup)
                try search.lookOutside(of: backup)
            } catch let error as BackupError {
                problems.append(Problem(error, in: entry.id))
            }
        }
        return (search.found, problems)
    }
}

/// Collects what fits, backup after backup. A segment that several backups share is read once.
private struct FileSearch {
    private struct Key: Hashable {
        let place: String
        let path: [UInt8]
    }

    private let isWanted: ([UInt8]) -> Bool
    private var segments: [[UInt8]: [DocumentVersion]] = [:]
    private var outside: [[UInt8]: [Outside]] = [:]
    private var files: [Key: FoundFile] = [:]

    private struct Outside {
        let path: [UInt8]
        let size: UInt64
        let modified: Int64
    }

    init(_ name: [UInt8]) {
        if name.contains(where: { "*?[".utf8.contains($0) }) {
            let pattern = PathPattern(name)
            isWanted = { pattern.matches($0) }
        } else {
            let wanted = Self.folded(name)
            isWanted = { path in
                let path = Self.folded(path)
                return wanted.isEmpty || path.indices.contains { path[$0...].starts(with: wanted) }
            }
        }
    }

    /// Upper-case ASCII letters as lower-case ones.
    private static func folded(_ bytes: [UInt8]) -> [UInt8] {
        bytes.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
    }

    var found: [FoundFile] {
        files.values.sorted { ($0.name.lexicographicallyPrecedes($1.name)) }
    }

    mutating func lookAtDocuments(of backup: OpenBackup) throws {
        for segment in backup.body.documents {
            if segments[segment.sha256] == nil {
                let plain = try segment.plain("documents", backup.packs.read)
                let files = try DocumentSegment(plain, object: "documents").files
                segments[segment.sha256] = files.flatMap(\.versions).filter { isWanted($0.name) }
            }
            for version in segments[segment.sha256] ?? [] {
                let key = Key(place: version.documentID, path: [])
                add(
                    key, .document(id: version.documentID), version.name,
                    FoundFile.Version(
                        number: version.number, size: version.plainLength, modified: nil,
                        backups: [backup.id]))
            }
        }
    }

    /// Of a file that is several entries the last one speaks for all.
    mutating func lookOutside(of backup: OpenBackup) throws {
        for segment in backup.body.files {
            if outside[segment.sha256] == nil {
                let plain = try segment.plain("files", backup.packs.read)
                outside[segment.sha256] = try OutsideSegment(plain, object: "files").entries
                    .filter { $0.kind == .file && !$0.isContinued && isWanted($0.path) }
                    .map { Outside(path: $0.path, size: $0.size, modified: $0.modified) }
            }
            for file in outside[segment.sha256] ?? [] {
                add(
                    Key(place: "", path: file.path), .outside, file.path,
                    FoundFile.Version(
                        number: nil, size: file.size, modified: file.modified, backups: [backup.id]))
            }
        }
    }

    private mutating func add(
        _ key: Key, _ place: FoundFile.Place, _ name: [UInt8], _ version: FoundFile.Version
    ) {
        var file = files[key] ?? FoundFile(place: place, name: name, versions: [])
        let known = file.versions.firstIndex {
            $0.number == version.number && $0.size == version.size && $0.modified == version.modified
        }
        if let known {
            file.versions[known].backups += version.backups
        } else {
            file.versions.append(version)
        }
        file.name = name
        files[key] = file
    }
}
