internal import Cryptography
public import KeyRing
public import ObjectStorage

/// At a store that can't see to it that each record is made once, one device alone writes the roster: the
/// registrar. Others leave the records that they have made and signed in `j/<device>-r`, and it takes those
/// in that continue the chain.
public struct RosterRequests {
    private let store: any ObjectStore
    private let vault: VaultID
    private static let sizeLimit = 4 << 20
    private static let countLimit = 256

    /// Requests of a vault's devices in a store.
    public init(_ store: any ObjectStore, of vault: VaultID) {
        self.store = store
        self.vault = vault
    }

    /// Leaves records for the registrar, in place of those that it has not taken yet.
    func ask(_ records: [[UInt8]], by device: DeviceID) throws {
        var writer = CanonicalWriter()
        writer.count(records.count)
        for record in records { writer.blob(record) }
        _ = try store.put(
            SyncName.request(device).objectName(vault: vault), .bytes(writer.bytes), .none)
    }

    /// A request that is there.
    struct Waiting {
        let name: ObjectName
        /// Empty for what is no request.
        let records: [[UInt8]]
    }

    /// All that is there. Nothing of it is believed: the records' signatures decide.
    func waiting() throws -> [Waiting] {
        var names: [ObjectName] = []
        try store.forEach(prefix: SyncName.root + "j/") { page in
            names += page.objects.map(\.name).filter { $0.text.hasSuffix(SyncName.requestSuffix) }
        }
        return try names.map { name in
            let bytes = try read(name)
            do { return Waiting(name: name, records: try Self.records(bytes)) } catch is CryptoError {
                return Waiting(name: name, records: [])
            }
        }
    }

    func remove(_ name: ObjectName) throws { try store.delete(name) }

    private func read(_ name: ObjectName) throws -> [UInt8] {
        do { return try store.read(name, limit: Self.sizeLimit) } catch let error as StorageError {
            guard error.code == .integrity || error.code == .notFound else { throw error }
            return []
        }
    }

    private static func records(_ bytes: [UInt8]) throws -> [[UInt8]] {
        var reader = CanonicalReader(bytes)
        var records: [[UInt8]] = []
        for _ in 0..<(try reader.count(limit: countLimit)) {
            records.append(try reader.blob(limit: sizeLimit))
        }
        try reader.expectEnd()
        return records
    }
}

extension VaultSync {
    /// Records that the remote is not known to hold.
    var unsettledRecords: [[UInt8]] { Array(keys.roster.chain.dropFirst(Int(state.sentRecord) + 1)) }

    /// Takes in what others ask for, as far as it continues the roster, and removes requests that are done or
    /// can't be: who made them sees the roster, and asks anew.
    ///
    /// - Returns: whether the roster has grown.
    func take(
        _ requests: [RosterRequests.Waiting], removing remove: (ObjectName) throws -> Void
    ) throws -> Bool {
        guard unsettledRecords.isEmpty else { return false }
        let before = keys.roster.headSequence
        for request in requests {
            let known = Set(keys.roster.chain)
            let new = request.records.filter { !known.contains($0) }
            guard !new.isEmpty else {
                try remove(request.name)
                continue
            }
            do throws(KeyError) {
                try follow(new)
            } catch {
                let refusals: [KeyError.Code] = [.invalidRoster, .newerFormat, .conflict, .deviceRevoked]
                guard refusals.contains(error.code) else { throw error }
                try remove(request.name)
            }
        }
        return keys.roster.headSequence > before
    }
}
