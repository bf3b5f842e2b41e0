internal import Cryptography
internal import FileSystem

/// Checks one backup against the store: presence and length of its packs, or every byte of them.
package struct BackupCheck<Keys: BackupKeys> {
    /// How much is read.
    package enum Depth: Sendable {
        /// Every pack is there and has its length.
        case presence
        /// Every byte: packs' hashes, archives, and that what the manifest names is in them.
        case data
    }

    private let store: BackupStore
    private let packs: PackSet<Keys>

    package init(store: BackupStore, packs: PackSet<Keys>) {
        self.store = store
        self.packs = packs
    }

    /// What is wrong, as a list, so that one bad object does not hide the next.
    package func failures(
        _ manifest: Manifest, _ body: ManifestBody, _ depth: Depth
    ) throws -> [BackupError] {
        var found: [BackupError] = []
        for pack in manifest.clear.packs { try collect(&found) { try checkFile(pack, depth) } }
        guard depth == .data, found.isEmpty else { return found }
        var all = body.extents
        try collect(&found) {
            try DocumentList(body.documents) { [packs] in try $0.plain("documents", packs.read) }.each {
                for extent in $0.extents { all.append(try packs.place(extent)) }
            }
        }
        try OutsideListing(body.files, packs: manifest.clear.packs, fetch: packs.read).forEach { segment in
            all += segment.runs.map(\.place)
        } _: { _ in
        } broken: {
            found.append($0)
        }
        let extents = Dictionary(grouping: all, by: \.pack)
        for row in manifest.clear.packs.indices {
            try collect(&found) { try checkMembers(row, extents[UInt32(row)] ?? []) }
        }
        return found
    }

    private func collect(_ found: inout [BackupError], _ body: () throws -> Void) throws {
        do { try body() } catch let error as BackupError { found.append(error) }
    }

    private func checkFile(_ pack: PackRecord, _ depth: Depth) throws {
        let name = "pack " + pack.name
        guard let status = try Files.status(store.packPath(pack)) else {
            throw BackupError.integrity(name, "it is missing")
        }
        guard UInt64(status.size) == pack.length else {
            throw BackupError.integrity(name, "it has \(status.size) bytes instead of \(pack.length)")
        }
        guard depth == .data else { return }
        let file = try File.open(store.packPath(pack), .read)
        var hasher = Hasher(.sha256)
        var offset: Int64 = 0
        while case let part = try file.read(count: 1 << 20, at: offset), !part.isEmpty {
            hasher.update(part)
            offset += Int64(part.count)
        }
        guard hasher.finalize() == pack.sha256 else { throw BackupError.integrity(name, "it was changed") }
    }

    /// The pack is a whole archive, and each extent is exactly one member's content.
    private func checkMembers(_ row: Int, _ extents: [Extent]) throws {
        var members: [UInt64: UInt64] = [:]
        for member in try packs.reader(row).members() { members[member.offset] = member.length }
        for extent in extents where members[extent.offset] != UInt64(extent.length) {
            throw BackupError.integrity(
                packs.name(row), "no member of the archive stands at offset \(extent.offset)")
        }
    }
}

extension ManifestBody {
    /// Every extent that the manifest itself names. Groups of the page map are named by the map, and found
    /// or missed when its pages are read.
    var extents: [Extent] {
        (database.full + database.deltas + documents + files).flatMap(\.parts).map(\.place)
    }
}
