internal import KeyRing
internal import ObjectStorage
internal import Sync
internal import Vault

/// An object store of a simulation: strongly consistent, honours conditions, one write a second to a name. An
/// adversary may stand in front of it.
struct ModelStore {
    struct Object {
        var bytes: [UInt8]
        var etag: ETag
        var writtenAt: Int64
    }

    private(set) var objects = SortedMap<SyncName, Object>()
    /// All versions that each name ever had, for those who replay.
    private(set) var versions = SortedMap<SyncName, [Object]>()
    private var writes = 0

    /// Writes, when the condition holds.
    mutating func put(_ name: SyncName, _ bytes: [UInt8], _ condition: PutCondition, at now: Int64)
        -> RemoteAnswer
    {
        let there = objects[name]
        switch condition {
        case .none: break
        case .ifAbsent: if there != nil { return .lost }
        case .ifMatches(let etag): if there?.etag != etag { return .lost }
        }
        if let there, now - there.writtenAt < 1000 { return .lost }
        writes += 1
        let object = Object(bytes: bytes, etag: ETag("\(writes)"), writtenAt: now)
        objects[name] = object
        versions[name] = (versions[name] ?? []) + [object]
        return .stored(object.etag)
    }

    mutating func delete(_ name: SyncName) { objects[name] = nil }

    func get(_ name: SyncName, unless etag: ETag?, limit: Int) -> RemoteAnswer {
        guard let object = objects[name] else { return .absent }
        if let etag, etag == object.etag { return .unchanged }
        return object.bytes.count > limit ? .tooLong : .object(object.bytes, object.etag)
    }
}
