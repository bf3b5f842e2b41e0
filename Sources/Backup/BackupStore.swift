internal import Cryptography
internal import FileSystem
internal import KeyRing

/// The directory that holds backups: `p/<2>/<packid>` and `m/<writer>/<inc>/<seq>`.
///
/// Both kinds of file are written under a temporary name, synced and only then named; a manifest gets its
/// name by link(2), which never replaces. So whatever has its final name is whole.
package struct BackupStore: Sendable {
    /// Usually `data/backups` of a home.
    package let directory: String
    /// The largest file that is read as a manifest.
    static let manifestLimit = 1 << 30
    /// What the name of a file that is still being written holds (`Durable`).
    static let temporaryMark = ".tmp-"

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
        package var description: String { "m/\(writer)/\(chain)/\(Self.digits(String(sequence), 16))" }

        /// The directory of the incarnation.
        var chain: String { Self.digits(String(incarnation, radix: 16), 8) }

        package static func < (a: Name, b: Name) -> Bool {
            (a.writer, a.incarnation, a.sequence) < (b.writer, b.incarnation, b.sequence)
        }

        /// The name that a path below the store is, if it is one.
        package init?(_ path: String) {
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 4, parts[0] == "m", parts[1].utf8.count == 16,
                parts[1].utf8.allSatisfy(ULIDText.alphabet.contains),
                let incarnation = UInt32(parts[2], radix: 16), let sequence = UInt64(parts[3])
            else { return nil }
            self.init(writer: String(parts[1]), incarnation: incarnation, sequence: sequence)
            guard description == path else { return nil }
        }

        private static func digits(_ text: String, _ count: Int) -> String {
            String(repeating: "0", count: max(0, count - text.utf8.count)) + text
        }
    }

    /// How a writer is called in a store: base32(SHA-256("ai-team/writer" NUL V ‖ device id))[:16].
    package static func writerTag(vaultID: [UInt8], deviceID: [UInt8]) -> String {
        DeviceID.tag(device: deviceID, vault: vaultID)
    }

    /// Makes the directories.
    package func prepare() throws {
        for path in [directory, directory + "/p", directory + "/m"] { try Files.createDirectory(path) }
    }

    /// Stores a manifest; everything it names must be on disk already.
    ///
    /// - Throws: `.conflict` when its name is taken.
    package func add(_ manifest: Manifest) throws { try add(manifest.bytes, Name(manifest.head)) }

    /// Stores a prune record, before anything it names is removed.
    ///
    /// - Throws: `.conflict` when its name is taken.
    package func add(_ record: PruneRecord) throws { try add(record.bytes, Name(record.head)) }

    private func add(_ bytes: [UInt8], _ name: Name) throws {
        var path = directory + "/m"
        for part in name.description.split(separator: "/").dropFirst().dropLast() {
            let parent = path
            path += "/" + part
            guard try !Files.exists(path) else { continue }
            try Files.createDirectory(path)
            try Durable.syncDirectory(parent)
        }
        do throws(FileError) {
            try Durable.create(directory + "/" + name.description, with: bytes)
        } catch {
            guard error.isExisting else { throw error }
            throw BackupError(
                .conflict, "another manifest stands under this name", object: name.description,
                hint: "this home was copied or restored: run `ai-team doctor`")
        }
    }

    /// The path of a pack.
    package func packPath(_ record: PackRecord) -> String {
        "\(directory)/\(record.path)"
    }

    /// Removes what killed writers and an interrupted prune left: manifests that a prune record names,
    /// temporary files, and packs that no manifest names.
    ///
    /// The caller holds the store's lock. While one link of a chain is missing or can't be believed only
    /// temporary files go, since what it names is not known.
    ///
    /// - Parameter index: this store's, read under the lock.
    /// - Returns: files and bytes removed.
    @discardableResult
    package func sweep(_ index: BackupIndex) throws -> (files: Int, bytes: UInt64) {
        var removed = (files: 0, bytes: UInt64(0))
        for path in try temporaryFiles() { try remove(path, &removed) }
        guard index.breaks.isEmpty else { return removed }
        for name in index.leftovers { try remove(name.description, &removed) }
        for folder in Set(index.leftovers.map { "m/\($0.writer)/\($0.chain)" }) {
            try Durable.syncDirectory(directory + "/" + folder)
        }
        let named = Set(index.packs.map { Crockford32.encode($0) })
        for folder in try list("p") {
            let path = "p/" + folder
            guard try isDirectory(path) else {
                try remove(path, &removed)
                continue
            }
            for pack in try list(path) where !named.contains(pack) {
                try remove(path + "/" + pack, &removed)
            }
        }
        return removed
    }

    private func temporaryFiles() throws -> [String] {
        var found: [String] = []
        for writer in try list("m") {
            for incarnation in try list("m/" + writer) {
                let path = "m/\(writer)/\(incarnation)"
                found += try list(path).filter { $0.contains(Self.temporaryMark) }.map { path + "/" + $0 }
            }
        }
        return found
    }

    private func remove(_ path: String, _ removed: inout (files: Int, bytes: UInt64)) throws {
        let path = directory + "/" + path
        guard let status = try Files.status(path), status.kind != .directory else { return }
        try Durable.remove(path)
        removed.files += 1
        removed.bytes += UInt64(status.size)
    }

    private func list(_ path: String) throws -> [String] {
        let path = directory + "/" + path
        return try Files.status(path)?.kind == .directory ? Files.list(path) : []
    }
}

extension BackupStore: ManifestSource {
    /// Temporary files of a writer that was killed are passed over.
    package func manifestListing() throws -> ManifestListing {
        var listing = ManifestListing()
        for writer in try list("m") {
            let folder = "m/" + writer
            guard try isDirectory(folder) else {
                listing.addStranger(folder)
                continue
            }
            for incarnation in try list(folder) {
                let folder = "m/\(writer)/\(incarnation)"
                guard try isDirectory(folder) else {
                    listing.addStranger(folder)
                    continue
                }
                for file in try list(folder) where !file.contains(Self.temporaryMark) {
                    let path = folder + "/" + file
                    if let name = Name(path) { listing.names.append(name) } else { listing.addStranger(path) }
                }
            }
        }
        listing.names.sort()
        return listing
    }

    private func isDirectory(_ path: String) throws -> Bool {
        try Files.status(directory + "/" + path)?.kind == .directory
    }

    package func manifestBytes(_ name: Name) throws -> [UInt8] {
        let object = name.description
        let path = directory + "/" + object
        do {
            guard let status = try Files.status(path) else {
                throw BackupError(.notFound, "no such manifest", object: object)
            }
            // Anything else, opened, might never answer.
            guard status.kind == .regular else { throw BackupError.integrity(object, "not a file") }
            guard status.size <= Int64(Self.manifestLimit) else {
                throw BackupError.integrity(object, "too long for a manifest")
            }
            return try Files.readAll(path, limit: Self.manifestLimit)
        } catch let error as FileError {
            throw BackupError(.failed, error.description, object: object)
        }
    }
}
