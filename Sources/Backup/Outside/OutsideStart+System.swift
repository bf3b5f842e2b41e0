internal import CSystem
internal import Glibc

/// A path that was asked for, found.
struct OutsideStart {
    /// Absolute; no link on the way. The last step is the name that was given, link or not; a slash after it
    /// means what a link points to.
    let path: [UInt8]
    let parent: [UInt8]
    /// `.` for the root of all.
    let name: [UInt8]
    let isLink: Bool

    /// - Throws: `.notFound` when nothing is there.
    init(_ given: [UInt8]) throws {
        let slash = UInt8(ascii: "/")
        let cut = given.lastIndex(of: slash)
        let last = Array(cut.map { given[($0 + 1)...] } ?? given[...])
        if last.isEmpty || last == [0x2E] || last == [0x2E, 0x2E] {
            path = try Self.resolve(given, given)
        } else {
            let before = cut.map { Array(given[..<$0]) } ?? [0x2E]
            path = try Self.resolve(given, before.isEmpty ? [slash] : before).joined(last)
        }
        let end = path.lastIndex(of: slash) ?? 0
        parent = end == 0 ? [slash] : Array(path[..<end])
        name = path == [slash] ? [0x2E] : Array(path[(end + 1)...])
        guard let status = OutsideStatus(path: path) else { throw Self.missing(given) }
        isLink = status.kind == .link
    }

    /// The path without links. C: realpath
    static func resolve(_ path: [UInt8]) -> [UInt8]? {
        guard let text = realpath(path.terminated, nil) else { return nil }
        defer { free(text) }
        return UnsafeRawBufferPointer(start: text, count: strlen(text)).map { $0 }
    }

    private static func resolve(_ given: [UInt8], _ path: [UInt8]) throws -> [UInt8] {
        guard !path.isEmpty, !path.contains(0), let resolved = resolve(path) else { throw missing(given) }
        return resolved
    }

    private static func missing(_ given: [UInt8]) -> BackupError {
        BackupError(.notFound, "there is no file or directory '\(given.printable)'")
    }
}

/// Knows what belongs to the home: a backup holds it in its own way, and whoever opened and closed the
/// database's file would drop SQLite's locks on it.
struct HomeGuard {
    private static let parts = ["keys", "data", "run"]

    private let directories: [[UInt8]]
    private let identities: Set<OutsideStatus.Identity>

    /// The guard of a home; nil guards nothing.
    init(_ home: String?) throws {
        guard let home, let root = OutsideStart.resolve(Array(home.utf8)) else {
            directories = []
            identities = []
            return
        }
        let parts = Self.parts.map { root.joined(Array($0.utf8)) }
        directories = parts.compactMap(OutsideStart.resolve(_:))
        var identities: Set<OutsideStatus.Identity> = []
        for path in [root] + directories {
            if let status = OutsideStatus(path: path) { identities.insert(status.identity) }
        }
        // By another name (a hard link) it is the same file.
        let database = root.joined(Array("data/database".utf8))
        if OutsideStatus(path: database) != nil {
            let directory = try OutsideDirectory(path: database)
            let names = try directory.names()
            for index in 0..<names.count {
                identities.insert(try directory.status(names.name(index)).identity)
            }
        }
        self.identities = identities
    }

    /// Whether a path lies in the home's keys or data.
    func owns(_ path: [UInt8]) -> Bool { directories.contains { path.isAtOrBelow($0) } }

    /// Whether this is the home, one of its parts or a file of its database.
    func contains(_ identity: OutsideStatus.Identity) -> Bool { identities.contains(identity) }
}
