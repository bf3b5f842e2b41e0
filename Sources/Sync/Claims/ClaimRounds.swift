internal import KeyRing
internal import ObjectStorage
internal import Vault

/// The rounds of claims of tasks in a remote, each read and judged, and written under a condition.
struct ClaimRounds {
    private let sync: VaultSync
    private let store: any ObjectStore
    private let judge: SyncMachine
    /// What stands under the name of a claim and is none.
    private(set) var alarms: [SyncAlarm] = []

    /// The most bytes of a claim.
    private static let sizeLimit = 1 << 16
    /// So many rounds of one task are looked at: more of them are no honest work.
    private static let roundLimit: UInt32 = 256

    init(_ sync: VaultSync, _ store: any ObjectStore) {
        self.sync = sync
        self.store = store
        judge = SyncMachine(state: sync.state, membership: sync.membership, reader: sync.reader)
    }

    /// A claim that can be believed.
    struct Claim: Sendable {
        let author: Author
        let round: UInt32
        let body: ClaimBody
        let etag: ETag
    }

    /// The rounds of a task from one on.
    struct Found {
        /// The newest claim that can be believed: only that one counts.
        var last: Claim?
        /// The first round that nobody has made.
        var next: UInt32
        /// Somebody has claimed it whom this device does not know yet.
        var hasUnknown = false
    }

    private enum Object {
        case claim(Claim)
        /// By a device that is no member any more, or may not write.
        case void
        /// By a record of the roster that is not known here yet.
        case unknown
        case garbage(String)
    }

    private struct TooLong: Error {}

    /// Reads a task's rounds up to the first that is not there.
    ///
    /// - Throws: `integrity` when they do not end; `StorageError`.
    mutating func find(_ task: String, from first: UInt32 = 1, after last: Claim? = nil) throws -> Found {
        let tag = try ClaimTag(task: task, keys: sync.keys)
        var found = Found(last: last, next: first)
        while let object = try read(tag, task, found.next) {
            switch object {
            case .claim(let claim): found.last = claim
            case .unknown: found.hasUnknown = true
            case .void: break
            case .garbage(let reason):
                let alarm = SyncAlarm(.tampered, shown(tag, found.next), reason)
                if !alarms.contains(alarm) { alarms.append(alarm) }
            }
            guard found.next < Self.roundLimit else {
                throw SyncError.integrity(
                    "the row of claims \(SyncName.claims)\(tag)", "it has more than \(Self.roundLimit) rounds"
                )
            }
            found.next += 1
        }
        return found
    }

    /// One round; nil for one that nobody has made, or whose object can't be believed.
    mutating func claim(_ task: String, _ round: UInt32) throws -> Claim? {
        let tag = try ClaimTag(task: task, keys: sync.keys)
        guard case .claim(let claim)? = try read(tag, task, round) else { return nil }
        return claim
    }

    /// - Returns: nil when the condition does not hold, or somebody writes there at the same time (429).
    func put(_ body: ClaimBody, _ round: UInt32, _ condition: PutCondition) throws -> ETag? {
        let tag = try ClaimTag(task: body.task, keys: sync.keys)
        let bytes = try sync.object(.claim, UInt64(round), link: tag.bytes, body.encoded, sync.state)
        do { return try store.put(name(tag, round), .bytes(bytes), condition) } catch let error
            as StorageError
        {
            guard error.code == .preconditionFailed || error.code == .throttled else { throw error }
            return nil
        }
    }

    private func name(_ tag: ClaimTag, _ round: UInt32) -> ObjectName {
        SyncName.claim(tag, round).objectName(vault: sync.keys.vaultID)
    }

    private func shown(_ tag: ClaimTag, _ round: UInt32) -> String { "\(SyncName.claims)\(tag)/\(round)" }

    /// - Returns: nil when there is nothing.
    private func read(_ tag: ClaimTag, _ task: String, _ round: UInt32) throws -> Object? {
        var bytes: [UInt8] = []
        let info: ObjectInfo?
        do {
            info = try store.get(name(tag, round), range: nil, unless: nil) { piece in
                guard bytes.count + piece.count <= Self.sizeLimit else { throw TooLong() }
                bytes.append(contentsOf: piece)
            }
        } catch is TooLong {
            return .garbage("it is larger than any claim")
        } catch let error as StorageError {
            guard error.code == .notFound else { throw error }
            return nil
        }
        guard let info else { return .unknown }
        let name = shown(tag, round)
        let object: SignedObject
        do throws(SyncError) { object = try SignedObject(bytes, name: name) } catch {
            return error.code == .newerFormat ? .unknown : .garbage(error.message)
        }
        let header = object.header
        guard header.link == tag.bytes, header.sequence == UInt64(round), header.lane.stream == 0 else {
            return .garbage("it belongs elsewhere")
        }
        switch judge.knowledge(of: header) {
        case .known: break
        case .different: return .garbage("it names another roster")
        case .unknown:
            // A record that is not there either is nobody's.
            let record = SyncName.record(header.rosterSequence).objectName(vault: sync.keys.vaultID)
            return try store.head(record) == nil ? .garbage("it names a record that is not there") : .unknown
        }
        do throws(SyncError) {
            let body = try ClaimBody(judge.open(object, as: .claim, name: name), name: name)
            guard body.task == task else { return .garbage("it claims another task") }
            let author = header.lane.author
            let membership = sync.membership
            guard membership.life(of: author.device) != nil, membership.mayWrite(author.device) else {
                return .void
            }
            return .claim(Claim(author: author, round: round, body: body, etag: info.etag))
        } catch { return .garbage(error.message) }
    }
}
