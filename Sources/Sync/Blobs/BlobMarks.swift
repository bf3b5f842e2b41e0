internal import KeyRing
internal import ObjectStorage
internal import Vault

/// The list of blobs' objects that are to be removed, which all devices share: one object, changed under the
/// condition that nobody else has changed it.
///
/// Who finds an object that nothing names writes it down; who is about to name a blob takes it out. Since
/// both change the same object, either the mark goes before the removal begins, or who names the blob learns
/// that it is going. So nobody relies on what another one removes.
struct BlobMarks {
    let sync: VaultSync
    let store: any ObjectStore

    /// How long a removal may take, in milliseconds: after that whoever needs to takes it over.
    static let patience: Int64 = 3_600_000
    private static let limit = 16 << 20
    private static let name = "m"

    /// The list as it stands in the remote.
    struct Standing {
        var groups: [MarksBody.Group] = []
        /// Its version; nil where there is none.
        let etag: ETag?
        /// Something else stands in its place.
        var isGarbage = false
    }

    private var objectName: ObjectName { SyncName.marks.objectName(vault: sync.keys.vaultID) }

    /// - Throws: `conflict` where it names a roster record that is not known here; what the store throws.
    func read() throws -> Standing {
        guard let head = try store.head(objectName) else { return Standing(etag: nil) }
        guard head.size > 0, head.size <= Self.limit else { return try garbage(head.etag) }
        var bytes: [UInt8] = []
        let range: Range<UInt64> = 0..<UInt64(Self.limit)
        do {
            let info = try store.get(objectName, range: range, unless: nil) { bytes.append(contentsOf: $0) }
            return try open(bytes, info?.etag ?? head.etag)
        } catch let error as StorageError where error.code == .notFound {
            return Standing(etag: nil)
        }
    }

    private func open(_ bytes: [UInt8], _ etag: ETag) throws -> Standing {
        let judge = SyncMachine(state: sync.state, membership: sync.membership, reader: sync.reader)
        do throws(SyncError) {
            let object = try SignedObject(bytes, name: Self.name)
            switch judge.knowledge(of: object.header) {
            case .known: break
            case .unknown:
                throw SyncError(
                    .conflict, "the members of the vault have changed meanwhile", hint: "sync again")
            case .different: throw .integrity(Self.name, "it names another roster")
            }
            let content = try judge.open(object, as: .marks, name: Self.name)
            return Standing(groups: try MarksBody(content, name: Self.name).groups, etag: etag)
        } catch {
            guard error.code == .integrityFailure else { throw error }
            return try garbage(etag)
        }
    }

    /// What nobody can read is replaced, and with it all marks: that removes nothing.
    private func garbage(_ etag: ETag) throws -> Standing {
        let alarm = SyncAlarm(.tampered, Self.name, "it is not a list of what is to be removed")
        _ = try sync.commit([.raise(alarm)])
        return Standing(etag: etag, isGarbage: true)
    }

    /// - Returns: the new version; nil when somebody else has changed the list.
    func write(_ groups: [MarksBody.Group], over etag: ETag?) throws -> ETag? {
        let link = [UInt8](repeating: 0, count: 32)
        let bytes = try sync.object(.marks, 1, link: link, MarksBody(groups: groups).encoded, sync.state)
        do {
            return try store.put(
                objectName, .bytes(bytes), etag.map(PutCondition.ifMatches) ?? .ifAbsent)
        } catch let error as StorageError where error.code == .preconditionFailed {
            return nil
        }
    }

    /// Takes blobs out of the list that are about to be named.
    ///
    /// - Returns: those whose removal was finished here, since whoever began it has not: they have to be
    ///   stored again.
    /// - Throws: `conflict` when one is being removed; what the store throws.
    func spare(_ blobs: [BlobReference]) throws -> [BlobReference] {
        var blobOf: [String: BlobReference] = [:]
        for blob in blobs { for name in try sync.vault.blobs.remoteNames(blob) { blobOf[name] = blob } }
        for _ in 0..<Self.tries {
            let standing = try read()
            let wanted = standing.groups.filter { $0.names.contains { blobOf[$0] != nil } }
            guard !wanted.isEmpty || standing.isGarbage else { return [] }
            let going = wanted.filter(\.isGoing)
            guard !going.contains(where: { Self.isYoung($0, at: Int64(clamping: sync.now())) }) else {
                throw SyncError(
                    .conflict, "a content that is to be sent is just being removed from the remote as waste",
                    hint: "sync again in an hour")
            }
            // Before the list says that they are gone: who finds them until then does not rely on them.
            let gone = going.flatMap(\.names).filter { blobOf[$0] != nil }
            for name in gone { _ = try remove(name) }
            let rest = Self.without(Set(blobOf.keys), standing.groups)
            if try write(rest, over: standing.etag) != nil {
                return Array(Set(gone.compactMap { blobOf[$0] }))
            }
        }
        throw Self.busy
    }

    /// Takes names out of the list that were removed.
    func clear(_ names: Set<String>) throws {
        for _ in 0..<Self.tries {
            let standing = try read()
            if try write(Self.without(names, standing.groups), over: standing.etag) != nil { return }
        }
        throw Self.busy
    }

    /// - Returns: false where a lock of the bucket keeps it there.
    func remove(_ name: String) throws -> Bool {
        do { try store.delete(BlobObject.name(name)) } catch let error as StorageError {
            guard error.code == .locked else { throw error }
            return false
        }
        return true
    }

    /// Whether the removal of a group may still be under way.
    static func isYoung(_ group: MarksBody.Group, at now: Int64) -> Bool {
        abs(now - Int64(clamping: group.since)) < patience
    }

    private static func without(_ names: Set<String>, _ groups: [MarksBody.Group]) -> [MarksBody.Group] {
        groups.compactMap { group in
            var rest = group
            rest.names.removeAll { names.contains($0) }
            return rest.names.isEmpty ? nil : rest
        }
    }

    private static let tries = 4
    private static let busy = SyncError(
        .remoteUnreachable, "the list of what is to be removed changes all the time", hint: "sync again")
}
