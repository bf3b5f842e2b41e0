internal import Cryptography
package import KeyRing

/// All backups of a store, judged: which may be believed, and what is wrong with the others.
///
/// Manifests load independently, so one bad object never hides another. They are judged under the longest
/// roster chain found in any of them or in the running home; a chain that is neither a beginning of it nor
/// equal to it is a fork. What prune records of this location name may be missing; what else is missing is
/// named.
package struct BackupIndex: Sendable {
    /// A backup's manifest that may be believed.
    package struct Entry: Sendable {
        package let name: BackupStore.Name
        package let head: ManifestHead
        /// `backup-` and the id in base32.
        package let id: String
        /// What a key holder said of a relayed backup's state, and it counts.
        package let statement: FreshnessStatement?
        /// Nobody who may has vouched for how fresh its state is; it was asked for all the same.
        package let isUnanchored: Bool
    }

    /// A prune record that may be believed.
    package struct Record: Sendable {
        package let name: BackupStore.Name
        package let head: ManifestHead
        /// Where the manifests were removed, as the record says.
        package let location: [UInt8]
        package let removed: [ManifestHead]
        package let lost: [LostLinks]
    }

    /// Something that is wrong.
    package struct Failure: Sendable, Equatable {
        package let object: String
        package let reason: String
        package let code: BackupError.Code
    }

    /// Where the store is.
    package let location: BackupLocation
    /// Backups, in the order of their names: by writer, incarnation, sequence.
    package internal(set) var entries: [Entry] = []
    /// Prune records, in the same order, of this location and of others.
    package internal(set) var records: [Record] = []
    /// What was pruned here and is still there: a prune that did not come to its end, or someone put it back.
    package internal(set) var leftovers: [BackupStore.Name] = []
    /// Backups by machines without keys for which no statement vouches: links of their chains, and no more.
    package internal(set) var unanchored: [BackupStore.Name] = []
    /// The heads of all links that are known: of what is there and of what was pruned here.
    package internal(set) var heads: [BackupStore.Name: ManifestHead] = [:]
    /// What prune records removed here.
    package internal(set) var removed: [BackupStore.Name: ManifestHead] = [:]
    /// The ids of all packs that a manifest here names, leftovers' left out.
    package internal(set) var packs: Set<[UInt8]> = []
    /// Missing links of chains: what a prune with `--accept-rollback` gives up.
    package internal(set) var gaps: [LostLinks] = []
    /// Missing, broken or unreadable links of chains.
    package internal(set) var breaks: [Failure] = []
    /// Objects that belong to no chain, and records that nobody needs to obey.
    package internal(set) var notices: [Failure] = []
    /// The chain under which they were judged; nil when there is none at all.
    package internal(set) var roster: Roster?
    /// Objects under a manifest's name that are not believed.
    var unbelieved: [BackupStore.Name] = []
    let acceptsUnanchored: Bool

    /// Everything that is there, belongs to a chain and was not pruned, in order.
    package var links: [BackupStore.Name] {
        (entries.map(\.name) + records.map(\.name) + unanchored).sorted()
    }

    /// Everything that is wrong.
    package var failures: [Failure] { breaks + notices }

    /// Reads and judges every manifest.
    ///
    /// - Parameters:
    ///   - running: the roster of the home this runs in, if one is open. Manifests of another vault are
    ///     refused then.
    ///   - isSettled: whether that roster is the longest chain already, and manifests lengthen it no more.
    ///   - acceptsUnanchored: whether backups by machines without keys count although nobody vouches for how
    ///     fresh they are.
    /// - Throws: what the source throws when it can't be read at all.
    package init(
        _ source: some ManifestSource, at location: BackupLocation, running: Roster?,
        isSettled: Bool = false, acceptsUnanchored: Bool = false
    ) throws {
        self.location = location
        self.acceptsUnanchored = acceptsUnanchored
        let listing = try source.manifestListing()
        name(strangers: listing)
        var chains = DistinctChains()
        let read = try read(listing.names, of: source, &chains)
        roster = isSettled ? running : Self.longestChain(chains.all, running: running)
        var believed: [BackupStore.Name: Candidate] = [:]
        for candidate in read {
            do throws(BackupError) {
                let chain = chains.all[candidate.chain]
                let role = try judge(candidate.head, candidate.name.description, chain)
                var candidate = candidate
                candidate.doubt = try doubt(candidate, role, chain)
                believed[candidate.name] = candidate
            } catch {
                fail(candidate.name, error)
            }
        }
        let pruned = pruned(by: read.filter { believed[$0.name] != nil }, chains.all)
        removed = pruned.heads
        link(believed, pruned)
        if !leftovers.isEmpty { try countPacksAgain(source) }
    }

    /// The text form of a backup's id.
    package static func idText(_ id: [UInt8]) -> String { "backup-" + ULIDText.encode(id) }

    /// The believed backup that `text` names: its id, or at least 4 characters of its beginning or end.
    ///
    /// - Throws: `.notFound`, `.ambiguous`; the manifest's own error when it is there but not believed.
    package func entry(_ text: String) throws(BackupError) -> Entry {
        let wanted = text.hasPrefix("backup-") ? String(text.dropFirst(7)) : text
        let found = entries.filter {
            let id = String($0.id.dropFirst(7))
            return id == wanted || (wanted.utf8.count >= 4 && (id.hasPrefix(wanted) || id.hasSuffix(wanted)))
        }
        guard let first = found.first else {
            throw BackupError(
                .notFound, "no backup \(text)", hint: "`ai-team backup list` shows what there is")
        }
        guard found.count == 1 else {
            throw BackupError(
                .ambiguous,
                "\(text) fits several backups: "
                    + found.map(\.id).joined(separator: ", "))
        }
        return first
    }

    /// The head that the next manifest of this writer's incarnation follows; nil when it is the first.
    ///
    /// - Throws: `.rollback` when what stands newest under the writer's name is not believed.
    package func newestHead(of writer: String, incarnation: UInt32) throws(BackupError) -> ManifestHead? {
        let isOwn = { (name: BackupStore.Name) in name.writer == writer && name.incarnation == incarnation }
        let newest = heads.keys.filter(isOwn).max()
        if let doubtful = unbelieved.filter(isOwn).max(), newest.map({ $0 < doubtful }) ?? true {
            let reason = breaks.first { $0.object == doubtful.description }?.reason
            throw BackupError(
                .rollback, "the newest backup of this device can't be believed (\(reason ?? "unknown"))",
                object: doubtful.description, hint: "`ai-team backup verify` names what is wrong")
        }
        return newest.flatMap { heads[$0] }
    }

    /// Counts a manifest that was stored after everything else was read, by who holds the store's lock.
    mutating func add(_ manifest: Manifest) {
        let name = BackupStore.Name(manifest.head)
        heads[name] = manifest.head
        entries.append(
            Entry(
                name: name, head: manifest.head, id: Self.idText(manifest.clear.id),
                statement: manifest.statement, isUnanchored: false))
        entries.sort { $0.name < $1.name }
        for pack in manifest.clear.packs { packs.insert(pack.id) }
    }

    // MARK: - Reading

    /// A manifest that was read and is still to be judged. Its pack table is not kept: with many backups of
    /// many packs the tables are what would fill the memory.
    struct Candidate {
        let name: BackupStore.Name
        let head: ManifestHead
        let id: [UInt8]
        /// Row of the distinct roster chains.
        let chain: Int
        /// What a prune record says.
        var pruned: PruneClear?
        /// What a key holder says of a relayed backup.
        var statement: FreshnessStatement?
        /// Why nobody vouches for how fresh it is.
        var doubt: String?
    }

    private mutating func read(
        _ names: [BackupStore.Name], of source: some ManifestSource, _ chains: inout DistinctChains
    ) throws -> [Candidate] {
        var read: [Candidate] = []
        for name in names {
            do {
                let stored = try source.stored(name)
                var candidate = Candidate(
                    name: name, head: stored.head, id: stored.id, chain: chains.row(stored.roster))
                switch stored {
                case .backup(let manifest):
                    for pack in manifest.clear.packs { packs.insert(pack.id) }
                    candidate.statement = manifest.statement
                case .prune(let record):
                    candidate.pruned = record.clear
                    candidate.pruned?.roster = []
                }
                read.append(candidate)
            } catch let error as BackupError {
                fail(name, error)
            }
        }
        return read
    }

    private mutating func countPacksAgain(_ source: some ManifestSource) throws {
        packs = []
        let gone = Set(leftovers)
        for name in try source.manifestNames() where !gone.contains(name) {
            do {
                guard case .backup(let manifest) = try source.stored(name) else { continue }
                for pack in manifest.clear.packs { packs.insert(pack.id) }
            } catch let error as BackupError {
                guard heads[name] != nil else { continue }
                throw error
            }
        }
    }

    private mutating func name(strangers listing: ManifestListing) {
        let reason = "not a manifest's name: nobody who keeps to the format puts it there"
        notices = listing.strangers.map { Failure(object: $0, reason: reason, code: .integrity) }
        guard listing.furtherStrangers > 0 else { return }
        notices.append(
            Failure(object: "m/", reason: "\(listing.furtherStrangers) more such objects", code: .integrity))
    }

    mutating func fail(_ name: BackupStore.Name, _ error: BackupError) {
        unbelieved.append(name)
        breaks.append(Failure(object: name.description, reason: error.message, code: error.code))
    }
}

/// The roster chains of many manifests, each kept once: they are nearly always the same few.
struct DistinctChains {
    private(set) var all: [[[UInt8]]] = []
    private var rows: [[[UInt8]]: Int] = [:]

    mutating func row(_ chain: [[UInt8]]) -> Int {
        if let row = rows[chain] { return row }
        rows[chain] = all.count
        all.append(chain)
        return all.count - 1
    }
}

/// A ULID's 16 bytes as 26 characters: 130 bits, the two extra ones in front.
enum ULIDText {
    static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// A new id: 48 bits of time, in milliseconds since 1970, and 80 random ones.
    static func fresh(_ time: UInt64) throws -> [UInt8] {
        var writer = CanonicalWriter()
        writer.u64(time << 16)
        return try writer.bytes.prefix(6) + RandomBytes.bytes(10)
    }

    static func encode(_ bytes: [UInt8]) -> String {
        var high: UInt64 = 0
        var low: UInt64 = 0
        for byte in bytes.prefix(8) { high = high << 8 | UInt64(byte) }
        for byte in bytes.dropFirst(8).prefix(8) { low = low << 8 | UInt64(byte) }
        var text = [UInt8](repeating: 0, count: 26)
        for i in (0..<26).reversed() {
            text[i] = alphabet[Int(low & 31)]
            low = low >> 5 | high << 59
            high >>= 5
        }
        return String(decoding: text, as: UTF8.self)
    }
}
