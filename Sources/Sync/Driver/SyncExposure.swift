public import KeyRing
public import Vault

/// What the storage sees of a vault, in numbers of this one: what is counted here stands in clear in names,
/// headers and the roster, or follows from them.
public struct SyncExposure: Sendable {
    /// Members by role, in the order of roles.
    public let roles: [(role: String, count: Int)]
    /// Devices that were removed.
    public let former: Int
    /// Lives of all devices.
    public let incarnations: Int
    /// Records of the roster: each change of members, keys and epochs, with its author and time.
    public let records: Int
    public let epochs: Int
    /// Segments by stream, as far as this device knows of them.
    public let segments: [(stream: String, count: UInt64)]
    /// Log objects that devices have sent, as far as this device knows of them.
    public let logs: UInt64
    /// Devices whose heads tell how often they sync.
    public let heads: Int

    /// What can be counted without asking the remote.
    public init(of vault: Vault, keys: UnlockedKeys) throws {
        let author = Author(device: keys.device, incarnation: keys.incarnation)
        let state = try vault.read { transaction in
            try transaction.syncState().map { try SyncState($0, waiting: transaction.waitingSegments()) }
                ?? SyncState(author: author)
        }
        let roster = keys.roster
        var counts: [MemberRole: Int] = [:]
        for member in roster.members { counts[member.role, default: 0] += 1 }
        roles = counts.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key.name, $0.value) }
        former = roster.former.count
        incarnations = (roster.members + roster.former).reduce(0) { $0 + $1.incarnations.count }
        records = roster.records.count
        epochs = Int(roster.currentEpoch)
        var streams = SortedMap<UInt16, UInt64>()
        for seen in state.observed {
            streams[seen.lane.stream] = (streams[seen.lane.stream] ?? 0) + seen.position.sequence
        }
        segments = streams.map { (SyncStream.name(of: $0.key), $0.value) }
        logs = state.heads.reduce(state.logs.range.last.sequence) { $0 &+ $1.value.logs.last.sequence }
        heads = state.heads.count + (state.head == nil ? 0 : 1)
    }
}

extension SyncStream {
    /// What people call a stream, as in `config/sync.yaml`.
    static func name(of stream: UInt16) -> String {
        switch stream {
        case tasks: "tasks"
        case knowledgeBase: "knowledge_base"
        case documents: "documents"
        default: "stream \(stream)"
        }
    }
}
