internal import Cryptography
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
    private let limitsWrites: Bool

    /// - Parameter limitsWrites: to one a second and name.
    init(limitsWrites: Bool = true) { self.limitsWrites = limitsWrites }

    /// 32 bytes that stand for everything in it, where each object is under the name that it speaks of.
    var mark: [UInt8] {
        let parts = objects.map { _, object in
            Array(object.etag.text.utf8) + Hash.digest(.sha256, object.bytes)
        }
        return Hash.digest(.sha256, Array(parts.joined()))
    }

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
        if limitsWrites, let there, now - there.writtenAt < 1000 { return .lost }
        let number = (versions[name]?.count ?? 0) + 1
        let object = Object(bytes: bytes, etag: ETag("\(number)"), writtenAt: now)
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
