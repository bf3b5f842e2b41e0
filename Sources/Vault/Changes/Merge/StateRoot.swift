internal import Cryptography

/// A group of collections that travels together, or not at all.
public enum SyncGroup: UInt8, Sendable, CaseIterable {
    /// Projects, tasks, their links and comments.
    case tasks = 1
    /// Documents and their versions.
    case knowledgeBase = 2

    /// The group of a collection, a later program's too: 5, 6 and 32 to 49 are the knowledge base's, 50 to 59
    /// govern the others and 24 to 31 are only pushed: these are in no group; all the rest are the tasks'.
    public init?(collection: UInt32) {
        switch collection {
        case 5, 6, 32...49: self = .knowledgeBase
        case Collection.control, 24...31: return nil
        default: self = .tasks
        }
    }
}

/// The hash of everything that two vaults with the same changes must agree on (docs/FORMAT.md,
/// "State root"): of each group of collections a sub-root, over all of them the root.
public struct StateRoot: Sendable, Hashable {
    /// 32 bytes of SHA-256 for each group.
    public let subRoots: [SyncGroup: [UInt8]]

    public init(subRoots: [SyncGroup: [UInt8]]) { self.subRoots = subRoots }

    /// The hash over the sub-roots of these groups, 32 bytes. A vault that does not replicate all groups
    /// speaks of those it has.
    public func value(of groups: [SyncGroup] = SyncGroup.allCases) -> [UInt8] {
        var hasher = Hasher(.sha256)
        hasher.update(Array("ai-team/state-root/v1\0".utf8))
        for group in groups.sorted(by: { $0.rawValue < $1.rawValue }) {
            hasher.update([group.rawValue] + (subRoots[group] ?? []))
        }
        return hasher.finalize()
    }
}

/// Hashes records, which are given in the order of their keys.
struct StateRootHasher: ~Copyable {
    private var tasks = Hasher(.sha256)
    private var knowledgeBase = Hasher(.sha256)

    init() {
        tasks.update(Self.domain(.tasks))
        knowledgeBase.update(Self.domain(.knowledgeBase))
    }

    private static func domain(_ group: SyncGroup) -> [UInt8] {
        Array("ai-team/sub-root/v1\0".utf8) + [group.rawValue]
    }

    /// Each record is preceded by its length, so that no two lists hash alike.
    mutating func add(_ state: RecordState) {
        guard let group = SyncGroup(collection: state.key.collection) else { return }
        let bytes = state.canonicalBytes()
        let entry = withUnsafeBytes(of: UInt64(bytes.count).bigEndian, Array.init) + bytes
        switch group {
        case .tasks: tasks.update(entry)
        case .knowledgeBase: knowledgeBase.update(entry)
        }
    }

    consuming func finalize() -> StateRoot {
        StateRoot(subRoots: [.tasks: tasks.finalize(), .knowledgeBase: knowledgeBase.finalize()])
    }
}
