internal import Vault

/// Stops a round that would take many records away: a device that lost its data, a mistake or a thief looks
/// like somebody who has deleted everything.
///
/// What counts is the whole round: what it began with is remembered in the same transaction as what it takes
/// away, until a round has come to its end. So neither many small segments nor a round that breaks off gets
/// past the watch.
struct DeletionWatch: Sendable {
    /// Somebody said that it is meant.
    let isAllowed: Bool

    /// Up to so many records of a collection may go in any case, and up to this share of it, in percent.
    static let floor = 10
    static let percent = 20

    private static let prefix = "sync.losses."

    /// Takes changes of others in, or refuses to.
    ///
    /// - Parameter apply: does it, in the same transaction.
    /// - Returns: what this round has taken away so far.
    /// - Throws: `guard` when that is too much; the transaction must not be committed.
    @discardableResult
    func incoming(
        _ batches: [ChangeBatch], _ transaction: WriteTransaction, apply: () throws -> Void
    ) throws -> [CountedCollection: Losses] {
        let keys = Set(batches.flatMap(\.changes).filter(\.isAboutDeletion).map(\.key)).sorted()
        let before = try Self.standings(keys, transaction)
        var losses = try Self.remembered(transaction)
        for (key, _) in before {
            guard let counted = CountedCollection(number: key.collection), losses[counted] == nil else {
                continue
            }
            losses[counted] = try Losses(transaction.population(counted))
        }
        try apply()
        for ((key, old), (_, new)) in zip(before, try Self.standings(before.map(\.0), transaction)) {
            guard let counted = CountedCollection(number: key.collection) else { continue }
            losses[counted]?.note(key.id, old, new)
        }
        for counted in CountedCollection.allCases {
            guard let loss = losses[counted], !before.isEmpty else { continue }
            try check(counted, loss, "what other devices sent would take away")
            try transaction.setSetting(Self.prefix + counted.rawValue, loss.text)
        }
        return losses
    }

    /// Looks at what is about to be sealed.
    ///
    /// - Throws: `guard` when it takes away too much of what others have.
    func outgoing(streams: [UInt16], of device: [UInt8], _ transaction: ReadTransaction) throws {
        for (counted, loss) in try Self.outgoing(streams: streams, of: device, transaction) {
            try check(counted, loss, "what was written here would take away for everybody")
        }
    }

    /// What waits here and takes records away that others have.
    static func outgoing(
        streams: [UInt16], of device: [UInt8], _ transaction: ReadTransaction
    ) throws -> [CountedCollection: Losses] {
        var losses: [CountedCollection: Losses] = [:]
        for counted in CountedCollection.allCases {
            let ids = try streams.flatMap {
                try transaction.unsealedDeletions(of: counted, by: device, in: $0)
            }
            guard !ids.isEmpty else { continue }
            var loss = try Losses(transaction.population(counted))
            for id in ids {
                let standing = try transaction.standing(counted, id)
                // As it was before: what is lost counts as well.
                loss.live += 1
                loss.kept += standing == .gone ? 1 : 0
                loss.note(id, .live, standing)
            }
            losses[counted] = loss
        }
        return losses
    }

    /// Whether this is more than may go unasked.
    static func isTooMuch(_ loss: Losses) -> Bool {
        func exceeds(_ count: Int, _ all: Int) -> Bool { count > floor && count * 100 > all * percent }
        return exceeds(loss.deleted, loss.live) || exceeds(loss.purged, loss.kept)
    }

    private func check(_ counted: CountedCollection, _ loss: Losses, _ what: String) throws {
        guard !isAllowed, Self.isTooMuch(loss) else { return }
        let (count, all) = loss.deleted > Self.floor ? (loss.deleted, loss.live) : (loss.purged, loss.kept)
        let names = loss.examples.prefix(3).joined(separator: ", ")
        throw SyncError(
            .guardNeeded,
            "\(what) \(count) of \(all) \(counted.rawValue): \(names)"
                + (count > 3 ? " and others" : ""),
            hint: "nothing of it was done; `ai-team sync both --dry-run` shows more; if it is meant, repeat "
                + "with --allow-mass-delete")
    }

    private static func standings(
        _ keys: [RecordKey], _ transaction: ReadTransaction
    ) throws -> [(RecordKey, Standing)] {
        try keys.compactMap { key in
            try CountedCollection(number: key.collection).map { (key, try transaction.standing($0, key.id)) }
        }
    }

    /// What rounds that did not come to their end have taken away.
    static func remembered(_ transaction: ReadTransaction) throws -> [CountedCollection: Losses] {
        let settings = try transaction.settings(prefix: prefix)
        return settings.reduce(into: [:]) { losses, entry in
            guard let counted = CountedCollection(rawValue: String(entry.key.dropFirst(prefix.count))) else {
                return
            }
            losses[counted] = Losses(text: entry.value)
        }
    }

    /// A round has come to its end: the next one begins anew.
    static func forget(_ vault: Vault) throws {
        let keys = try vault.read { try $0.settings(prefix: prefix).keys.sorted() }
        guard !keys.isEmpty else { return }
        try vault.write(actor: "sync") { transaction in
            for key in keys { try transaction.setSetting(key, nil) }
        }
    }
}

/// What is taken away of a collection.
struct Losses: Sendable, Equatable {
    /// Records that showed at the beginning, and those together with what was in the trash.
    var live: Int
    var kept: Int
    /// Records that showed and do so no longer.
    private(set) var deleted = 0
    /// Records that could be had, from the trash at least, and are removed for good.
    private(set) var purged = 0
    /// Some of them by id.
    private(set) var examples: [String] = []

    init(_ population: (live: Int, kept: Int)) { (live, kept) = population }

    mutating func note(_ id: String, _ old: Standing, _ new: Standing) {
        if old == .live, new < .live { deleted += 1 }
        if old < .live, new == .live { deleted -= 1 }
        if old > .gone, new == .gone { purged += 1 }
        if new < old, examples.count < 3 { examples.append(id) }
    }

    /// Four numbers, as a setting keeps them.
    var text: String { "\(live) \(kept) \(deleted) \(purged)" }

    /// - Returns: nil for what `text` doesn't make.
    init?(text: String) {
        let numbers = text.split(separator: " ").compactMap { Int($0) }
        guard numbers.count == 4 else { return nil }
        (live, kept, deleted, purged) = (numbers[0], numbers[1], numbers[2], numbers[3])
    }
}
