internal import Cryptography

/// Tries again what may succeed a moment later, with pauses that grow and are spread by chance ("full
/// jitter"), or as long as the store asks. Refusals (401, 403 and their kind) are final at once.
///
/// A put under a condition whose answer was lost may have happened. Whether it has is decided by what stands
/// there: the same bytes are a success, whoever wrote them.
public struct RetryingStore: ObjectStore {
    /// How often and how long.
    public struct Policy: Sendable {
        /// Tries in all.
        public var attempts = 8
        /// The first pause is below this many milliseconds, and the bound doubles.
        public var firstPause: UInt64 = 250
        public var longestPause: UInt64 = 30_000

        public init() {}
    }

    let store: any ObjectStore
    private let policy: Policy
    private let surroundings: StoreSurroundings

    public init(
        _ store: any ObjectStore, policy: Policy = Policy(), surroundings: StoreSurroundings = .system
    ) {
        self.store = store
        self.policy = policy
        self.surroundings = surroundings
    }

    public func head(_ name: ObjectName) throws -> ObjectInfo? { try retrying { try store.head(name) } }

    /// After a break it goes on where it stopped, as long as the object is still the same version.
    public func get(
        _ name: ObjectName, range: Range<UInt64>?, unless: ETag?,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ObjectInfo? {
        var done: UInt64 = 0
        var begun: ETag?
        var thrown: (any Error)?
        return try retrying {
            let start = range?.lowerBound ?? 0
            let rest = done == 0 ? range : start + done..<(range?.upperBound ?? .max)
            do {
                let info = try store.get(name, range: rest, unless: done == 0 ? unless : nil) { bytes in
                    do { try sink(bytes) } catch {
                        thrown = error
                        throw error
                    }
                    done += UInt64(bytes.count)
                }
                guard begun == nil || info?.etag == begun else {
                    throw StorageError(.failed, "\(name) changed while it was read")
                }
                return info
            } catch let error as StorageError where thrown == nil {
                if done > 0, begun == nil {
                    // Without a version there is no telling whether the rest belongs to the beginning.
                    guard let etag = error.etag else { throw StorageError(.failed, error.message) }
                    begun = etag
                }
                throw error
            }
        }
    }

    public func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        guard condition != .none else { return try retrying { try store.put(name, body, condition) } }
        var isUncertain = false
        return try retrying {
            do {
                return try store.put(name, body, condition)
            } catch let error as StorageError {
                if error.isTransient { isUncertain = true }
                let mayBeOurs = error.isTransient || [.preconditionFailed, .locked].contains(error.code)
                guard isUncertain, mayBeOurs, let etag = try etag(name, of: body) else { throw error }
                return etag
            }
        }
    }

    public func list(prefix: String, after: String?, limit: Int) throws -> ObjectPage {
        try retrying { try store.list(prefix: prefix, after: after, limit: limit) }
    }

    public func delete(_ name: ObjectName) throws { try retrying { try store.delete(name) } }

    public func beginParts(_ name: ObjectName) throws -> PartsID {
        try retrying { try store.beginParts(name) }
    }

    public func putPart(_ name: ObjectName, _ id: PartsID, number: Int, _ body: ObjectBody) throws -> ETag {
        try retrying { try store.putPart(name, id, number: number, body) }
    }

    /// An upload that is gone after a lost answer was completed by it.
    public func completeParts(
        _ name: ObjectName, _ id: PartsID, _ parts: [ETag], _ condition: PutCondition
    ) throws -> ETag {
        var isUncertain = false
        return try retrying {
            do {
                return try store.completeParts(name, id, parts, condition)
            } catch let error as StorageError {
                if error.isTransient { isUncertain = true }
                guard isUncertain, error.code == .notFound, let info = try store.head(name) else {
                    throw error
                }
                return info.etag
            }
        }
    }

    public func abortParts(_ name: ObjectName, _ id: PartsID) throws {
        try retrying { try store.abortParts(name, id) }
    }

    // MARK: - Trying again

    private func retrying<R>(_ body: () throws -> R) throws -> R {
        var attempt = 1
        while true {
            do {
                return try body()
            } catch let error as StorageError where error.isTransient && attempt < policy.attempts {
                let bound = policy.firstPause << UInt64(min(attempt - 1, 20))
                let pause = surroundings.random(min(bound, policy.longestPause) + 1)
                surroundings.wait(max(pause, min(error.retryAfter ?? 0, 10 * policy.longestPause)))
                attempt += 1
            }
        }
    }

    /// The version that stands under the name if its bytes are those of `body`.
    ///
    /// - Throws: what is asked again: without an answer a write of ours would be taken for another's.
    private func etag(_ name: ObjectName, of body: ObjectBody) throws -> ETag? {
        do {
            guard let info = try store.head(name), info.size == body.size else { return nil }
            let hashes = try Self.hashes(body)
            if info.etag.md5 == hashes.md5 { return info.etag }
            var hasher = Hasher(.sha256)
            let read = try store.get(name, range: nil, unless: nil) { hasher.update($0) }
            return hasher.finalize() == hashes.sha256 ? read?.etag : nil
        } catch let error as StorageError where error.code == .notFound {
            return nil
        }
    }

    private static func hashes(_ body: ObjectBody) throws -> (sha256: [UInt8], md5: [UInt8]) {
        switch body {
        case .file(_, _, let sha256, let md5): return (sha256, md5)
        case .bytes(let bytes):
            var md5 = try StoreChecksum()
            try bytes.withUnsafeBytes { try md5.update($0) }
            return (Hash.digest(.sha256, bytes), try md5.finalize())
        }
    }
}
