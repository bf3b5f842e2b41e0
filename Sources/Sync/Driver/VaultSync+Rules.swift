internal import FileSystem
internal import Vault

/// What `config/sync.yaml` leaves to this device.
///
/// Of a stream that is not pushed nothing is sealed: it waits in the change log, and goes out once that
/// changes. Of a stream that is not pulled no segment of others is fetched and no position moves, so that it
/// can be caught up with: the first round that wants it again looks at all heads and follows what they say.
extension VaultSync {
    private static let excludedKey = "sync.excluded_streams"

    /// The streams that this home sends.
    static func pushed(_ vault: Vault) throws -> [UInt16] {
        guard let home = vault.home else { return streams }
        let rules = SyncRules(try HomeConfiguration(of: home))
        return streams.filter { rules.pushes(SyncRules.Section(stream: $0)) }
    }

    /// The streams that this home does not want from others.
    static func excluded(_ vault: Vault) throws -> [UInt16] {
        guard let home = vault.home else { return [] }
        let rules = SyncRules(try HomeConfiguration(of: home))
        return streams.filter { !rules.pulls(SyncRules.Section(stream: $0)) }
    }

    /// Whether a stream is wanted again that was not at the end of the last whole round.
    func wantsMore(than excluded: [UInt16]) throws -> Bool {
        let before = try vault.read { try $0.setting(Self.excludedKey) } ?? ""
        return before.split(separator: " ").compactMap { UInt16($0) }.contains { !excluded.contains($0) }
    }

    /// Remembers what a whole round did not want.
    func note(excluded: [UInt16]) throws {
        let text = excluded.map(String.init).joined(separator: " ")
        guard try vault.read({ try $0.setting(Self.excludedKey) }) ?? "" != text else { return }
        try vault.write(actor: "sync") { try $0.setSetting(Self.excludedKey, text) }
    }

    /// Settles what the configuration says may be settled without a person: documents that were changed in
    /// two places. What came from a clock that is ahead, and what was changed after its deletion, waits.
    ///
    /// - Returns: how many conflicts.
    public func settleConflicts() throws -> Int {
        guard let home = vault.home else { return 0 }
        let resolution = SyncRules(try HomeConfiguration(of: home)).resolution(.knowledgeBase)
        guard resolution != .manual, mayCheckpoint else { return 0 }
        var count = 0
        for conflict in try vault.read({ try $0.conflicts() }) where conflict.kind == .versions {
            let choice: ConflictChoice =
                resolution == .merge ? .merged(nil) : conflict.isRemoteNewer ? .remote : .local
            do {
                // A text whose contents are not here yet is merged in a later round.
                guard try choice != .merged(nil) || vault.missingContent(conflict: conflict.id).isEmpty else {
                    continue
                }
                try vault.resolve(conflict: conflict.id, take: choice, actor: "sync")
                count += 1
            } catch let error as VaultError {
                // Nothing that can be merged by itself, or somebody was quicker: it stays for a person.
                guard [.conflict, .invalid, .notFound].contains(error.code) else { throw error }
            }
        }
        return count
    }
}

extension Conflict {
    /// Which of two versions of a document is the newer one, alike on every device.
    fileprivate var isRemoteNewer: Bool {
        func rank(_ side: JSONValue) -> [String] {
            ["created_at", "version_id"].map { side.object?[$0]?.string ?? "" }
        }
        return rank(local).lexicographicallyPrecedes(rank(remote))
    }
}
