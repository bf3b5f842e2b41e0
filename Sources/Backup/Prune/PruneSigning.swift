internal import Cryptography

/// Makes the record of a prune: what it removes at a location, in the chain of this device.
package struct PruneSigning<Keys: BackupKeys> {
    /// How many records of a device stand at a location until the next one takes their place.
    static var recordLimit: Int { 16 }

    private let keys: Keys
    private let index: BackupIndex

    /// - Parameter index: of the location, which is sound but for missing links.
    package init(_ keys: Keys, _ index: BackupIndex) {
        self.keys = keys
        self.index = index
    }

    /// Refuses to prune where something is wrong: what an unreadable manifest names, and what a missing one
    /// named, nobody knows.
    ///
    /// - Parameter givesUp: missing links are given up.
    /// - Throws: the first failure, as `.integrity` or `.rollback`.
    package static func requireSound(_ index: BackupIndex, givesUp: Bool) throws(BackupError) {
        guard let failure = index.breaks.first(where: { !givesUp || $0.code != .rollback }) else { return }
        let isMissing = failure.code == .rollback
        throw BackupError(
            failure.code, failure.reason, object: failure.object,
            hint: isMissing
                ? "if they were removed on purpose, say so with --accept-rollback; else put them back"
                : "`ai-team backup verify` names everything; nothing was removed")
    }

    /// The record; nil when there is nothing to say.
    ///
    /// - Parameters:
    ///   - removed: heads that the index believes.
    ///   - previous: the head that this device's next manifest follows.
    ///   - time: milliseconds since 1970.
    package func record(
        removing removed: [ManifestHead], policy: String, previous: ManifestHead?, time: UInt64
    ) throws -> PruneRecord? {
        guard !removed.isEmpty || !index.gaps.isEmpty else { return nil }
        var heads = removed
        var lost = index.gaps
        let older = index.records.filter { $0.head.deviceID == keys.deviceID }
        if older.count >= Self.recordLimit {
            for record in older {
                heads.append(record.head)
                guard record.location == index.location.id else { continue }
                heads += record.removed
                lost += record.lost
            }
        }
        if heads.count > PruneClear.headLimit { heads = Array(removed.prefix(PruneClear.headLimit)) }
        return try PruneRecord(
            id: ULIDText.fresh(time), removed: Self.distinct(heads), lost: Self.distinct(lost),
            at: index.location, policy: policy, previous: previous, created: time, keys: keys)
    }

    /// A record that takes back what earlier ones of this device said of these manifests, which are there
    /// again: it names everything else that they removed, and them. Nil when none of them was removed.
    package func record(
        returning names: Set<BackupStore.Name>, previous: ManifestHead?, time: UInt64
    ) throws -> PruneRecord? {
        guard index.removed.keys.contains(where: names.contains) else { return nil }
        let older = index.records.filter {
            $0.head.deviceID == keys.deviceID && $0.location == index.location.id
        }
        let heads = index.removed.filter { !names.contains($0.key) }.map(\.value) + older.map(\.head)
        return try PruneRecord(
            id: ULIDText.fresh(time), removed: Self.distinct(heads),
            lost: Self.distinct(older.flatMap(\.lost)), at: index.location, policy: "brought back",
            previous: previous, created: time, keys: keys)
    }

    private static func distinct(_ heads: [ManifestHead]) -> [ManifestHead] {
        var seen: Set<[UInt8]> = []
        return heads.filter { seen.insert($0.place).inserted }
    }

    private static func distinct(_ links: [LostLinks]) -> [LostLinks] {
        var seen: Set<[UInt8]> = []
        return links.filter { seen.insert($0.bytes).inserted }
    }
}
