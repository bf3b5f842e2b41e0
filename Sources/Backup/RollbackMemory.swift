package import Cryptography
internal import FileSystem
internal import KeyRing

/// The highest sequence that this home has seen of each writer and incarnation at each location, so that a
/// store that was put back to an older state is noticed.
///
///     "ATBH" ‖ count u32
///     ‖ count × (location 16 ‖ device id 16 ‖ incarnation u32 ‖ sequence u64 ‖ head hash 32) ‖ MAC 32
///
/// MAC = HMAC-SHA-256 under the home's key `backup-heads` over everything before it.
package struct RollbackMemory: Sendable {
    struct Seen: Sendable, Equatable, Canonical {
        var location: [UInt8]
        var device: [UInt8]
        var incarnation: UInt32
        var sequence: UInt64
        var hash: [UInt8]

        init(_ head: ManifestHead, at location: BackupLocation) {
            self.location = location.id
            device = head.deviceID
            incarnation = head.incarnation
            sequence = head.sequence
            hash = head.hash
        }

        init(from reader: inout CanonicalReader) throws(CryptoError) {
            location = try reader.raw(16)
            device = try reader.raw(16)
            incarnation = try reader.u32()
            sequence = try reader.u64()
            hash = try reader.raw(32)
        }

        func write(to writer: inout CanonicalWriter) {
            writer.raw(location)
            writer.raw(device)
            writer.u32(incarnation)
            writer.u64(sequence)
            writer.raw(hash)
        }

        func isSameWriter(_ head: ManifestHead, at location: BackupLocation) -> Bool {
            self.location == location.id && device == head.deviceID && incarnation == head.incarnation
        }
    }

    /// Its name in `keys/`, and the purpose of the home's key for it.
    static let fileName = "backup-heads"
    static let sizeLimit = 1 << 24
    static let purpose = KeyPurpose(rawValue: "backup-heads")
    private static let magic = Array("ATBH".utf8)
    private let path: String
    private var seen: [Seen] = []

    /// Reads the memory at `path`; one that is not there remembers nothing.
    ///
    /// - Throws: `.integrity` when it was changed.
    package init(_ path: String, key: borrowing SecretBytes) throws {
        self.path = path
        guard try Files.exists(path) else { return }
        let bytes = try Files.readAll(path, limit: Self.sizeLimit)
        guard bytes.count > 40 else { throw BackupError.integrity(path, "cut") }
        let text = Array(bytes.dropLast(32))
        guard
            ConstantTime.equal(try HMAC.authenticate(.sha256, key: key, text), Array(bytes.suffix(32)))
        else {
            throw BackupError.integrity(path, "changed by someone without this home's keys")
        }
        var reader = CanonicalReader(text)
        guard try reader.raw(4) == Self.magic else { throw BackupError.integrity(path, "not a memory") }
        seen = try reader.list(of: Seen.self, limit: 1 << 17, size: 76)
        try reader.expectEnd()
    }

    /// Compares an index with the memory of a home, which from now on has seen what is there. With
    /// `acceptsRollback`, what is gone is forgotten.
    ///
    /// - Throws: `.conflict` while another process does; `.integrity` when the memory was changed.
    static func look(
        at index: BackupIndex, in keysDirectory: String, key: borrowing SecretBytes, vaultID: [UInt8],
        acceptsRollback: Bool
    ) throws -> [BackupIndex.Failure] {
        let path = keysDirectory + "/" + fileName
        guard let lock = try FileLock.acquire(path + ".lock", .exclusive, timeout: .seconds(10)) else {
            throw BackupError(
                .conflict, "another process looks at the backups", hint: "wait until it is done")
        }
        var memory = try RollbackMemory(path, key: key)
        if acceptsRollback {
            try memory.accept(index, key: key)
        } else {
            try memory.remember(index, key: key)
        }
        lock.release()
        return memory.check(index, vaultID: vaultID)
    }

    /// The last manifest of each of a device's incarnations that was seen anywhere: what a removal pins.
    func lastSeen(of device: [UInt8]) -> [(incarnation: UInt32, sequence: UInt64, hash: [UInt8])] {
        var last: [UInt32: Seen] = [:]
        for seen in seen where seen.device == device {
            if last[seen.incarnation].map({ $0.sequence < seen.sequence }) ?? true {
                last[seen.incarnation] = seen
            }
        }
        return last.values.map { ($0.incarnation, $0.sequence, $0.hash) }.sorted { $0.0 < $1.0 }
    }

    /// What the store no longer has although it was seen there, and no prune record names: a name and a
    /// reason for each writer.
    package func check(_ index: BackupIndex, vaultID: [UInt8]) -> [BackupIndex.Failure] {
        seen.filter { $0.location == index.location.id }.compactMap { seen in
            let writer = BackupStore.writerTag(vaultID: vaultID, deviceID: seen.device)
            let name = BackupStore.Name(
                writer: writer, incarnation: seen.incarnation, sequence: seen.sequence)
            guard let head = index.heads[name] else {
                return BackupIndex.Failure(
                    object: name.description,
                    reason: "seen before and gone: the store may have been put back", code: .rollback)
            }
            guard head.hash != seen.hash else { return nil }
            return BackupIndex.Failure(
                object: name.description, reason: "another manifest than the one seen before",
                code: .rollback)
        }
    }

    /// Remembers what is there now, and stores that.
    package mutating func remember(_ index: BackupIndex, key: borrowing SecretBytes) throws {
        let before = seen
        add(index)
        if seen != before { try store(key: key) }
    }

    private mutating func add(_ index: BackupIndex) {
        let location = index.location
        var newest: [String: ManifestHead] = [:]
        for (name, head) in index.heads {
            let chain = name.writer + name.chain
            if newest[chain].map({ $0.sequence < head.sequence }) ?? true { newest[chain] = head }
        }
        for head in newest.values.sorted(by: { $0.place.lexicographicallyPrecedes($1.place) }) {
            if let at = seen.firstIndex(where: { $0.isSameWriter(head, at: location) }) {
                if seen[at].sequence < head.sequence { seen[at] = Seen(head, at: location) }
            } else {
                seen.append(Seen(head, at: location))
            }
        }
    }

    /// Accepts the store as it is, as `--accept-rollback` asks: forgets what is gone from it.
    package mutating func accept(_ index: BackupIndex, key: borrowing SecretBytes) throws {
        let before = seen
        seen.removeAll { $0.location == index.location.id }
        add(index)
        if seen != before { try store(key: key) }
    }

    private func store(key: borrowing SecretBytes) throws {
        var writer = CanonicalWriter()
        writer.raw(Self.magic)
        writer.list(seen)
        let mac = try HMAC.authenticate(.sha256, key: key, writer.bytes)
        try Durable.replace(path, with: writer.bytes + mac)
    }
}
