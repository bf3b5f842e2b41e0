internal import Cryptography
internal import FileSystem

/// The directory that holds backups: `p/<2>/<packid>` and `m/<writer>/<inc>/<seq>`.
///
/// Both kinds of file are written under a temporary name, synced and only then named; a manifest gets its
/// name by link(2), which never replaces. So whatever has its final name is whole.
package struct BackupStore: Sendable {
    /// Usually `data/backups` of a home.
    package let directory: String
    /// The largest file that is read as a manifest.
    static let manifestLimit = 1 << 30

    package init(_ directory: String) { self.directory = directory }

    /// Where a manifest stands.
    package struct Name: Sendable, Hashable, Comparable, CustomStringConvertible {
        package var writer: String
        package var incarnation: UInt32
        package var sequence: UInt64

        package init(writer: String, incarnation: UInt32, sequence: UInt64) {
            self.writer = writer
            self.incarnation = incarnation
            self.sequence = sequence
        }

        /// The name that a manifest with this head has.
        package init(_ head: ManifestHead) {
            self.init(
                writer: BackupStore.writerTag(vaultID: head.vaultID, deviceID: head.deviceID),
                incarnation: head.incarnation, sequence: head.sequence)
        }

        /// The path below the store: incarnation in 8 hexadecimal digits, sequence in 16 decimal ones.
        package var description: String {
            "m/\(writer)/\(Self.digits(String(incarnation, radix: 16), 8))"
                + "/\(Self.digits(String(sequence), 16))"
        }

        package static func < (a: Name, b: Name) -> Bool {
            (a.writer, a.incarnation, a.sequence) < (b.writer, b.incarnation, b.sequence)
        }

        private static func digits(_ text: String, _ count: Int) -> String {
            String(repeating: "0", count: max(0, count - text.utf8.count)) + text
        }
    }

    /// How a writer is called in a store: base32(SHA-256("ai-team/writer" NUL V ‖ device id))[:16].
    package static func writerTag(vaultID: [UInt8], deviceID: [UInt8]) -> String {
        let bytes = Array("ai-team/writer".utf8) + [0] + vaultID + deviceID
        return String(Crockford32.encode(Hash.digest(.sha256, bytes)).prefix(16))
    }

    /// Makes the directories.
    package func prepare() throws {
        for path in [directory, directory + "/p", directory + "/m"] { try Files.createDirectory(path) }
    }

    /// All files that have a manifest's name, in order. Others (temporary ones of a writer that was killed)
    /// are passed over.
    package func manifestNames() throws -> [Name] {
        var names: [Name] = []
        for writer in try list("m") {
            for incarnation in try list("m/" + writer) {
                guard let number = UInt32(incarnation, radix: 16) else { continue }
                for sequence in try list("m/\(writer)/\(incarnation)") {
                    guard let position = UInt64(sequence) else { continue }
                    let name = Name(writer: writer, incarnation: number, sequence: position)
                    if name.description == "m/\(writer)/\(incarnation)/\(sequence)" { names.append(name) }
                }
            }
        }
        return names.sorted()
    }

    /// Reads one manifest and checks that it is whole and stands under its own name.
    ///
    /// - Throws: `.notFound`, `.integrity`, `.newerFormat`, naming it.
    package func manifest(_ name: Name) throws -> Manifest {
        let object = name.description
        let path = directory + "/" + object
        guard try Files.exists(path) else {
            throw BackupError(.notFound, "no such manifest", object: object)
        }
        let manifest = try Manifest(Files.readAll(path, limit: Self.manifestLimit), object: object)
        guard Name(manifest.head) == name else {
            throw BackupError.integrity(object, "a manifest under another's name")
        }
        return manifest
    }

    /// Stores a manifest; everything it names must be on disk already.
    ///
    /// - Throws: `.conflict` when its name is taken.
    package func add(_ manifest: Manifest) throws {
        let name = Name(manifest.head)
        var path = directory + "/m"
        for part in name.description.split(separator: "/").dropFirst().dropLast() {
            let parent = path
            path += "/" + part
            guard try !Files.exists(path) else { continue }
            try Files.createDirectory(path)
            try Durable.syncDirectory(parent)
        }
        do throws(FileError) {
            try Durable.create(directory + "/" + name.description, with: manifest.bytes)
        } catch {
            guard error.isExisting else { throw error }
            throw BackupError(
                .conflict, "another manifest stands under this name", object: name.description,
                hint: "this home was copied or restored: run `ai-team doctor`")
        }
    }

    /// The path of a pack.
    package func packPath(_ record: PackRecord) -> String {
        "\(directory)/p/\(record.name.prefix(2))/\(record.name)"
    }

    /// Removes what killed writers left: temporary files, and packs that no manifest names.
    ///
    /// The caller holds the store's lock. While one manifest can't be read nothing is removed, since what it
    /// names is not known.
    ///
    /// - Returns: the number of files removed.
    @discardableResult
    package func sweep() throws -> Int {
        var named: Set<String> = []
        for name in try manifestNames() {
            do {
                for pack in try manifest(name).clear.packs { named.insert(pack.name) }
            } catch is BackupError {
                return 0
            }
        }
        var removed = 0
        for folder in try list("p") {
            let path = directory + "/p/" + folder
            guard try Files.status(path)?.kind == .directory else {
                try Durable.remove(path)
                removed += 1
                continue
            }
            for pack in try Files.list(path) where !named.contains(pack) {
                try Durable.remove(path + "/" + pack)
                removed += 1
            }
        }
        for writer in try list("m") {
            for incarnation in try list("m/" + writer) {
                let path = directory + "/m/\(writer)/\(incarnation)"
                for file in try Files.list(path) where file.contains(".tmp-") {
                    try Durable.remove(path + "/" + file)
                    removed += 1
                }
            }
        }
        return removed
    }

    private func list(_ path: String) throws -> [String] {
        let path = directory + "/" + path
        return try Files.exists(path) ? Files.list(path).sorted() : []
    }
}
