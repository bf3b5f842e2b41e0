package import KeyRing

/// All backups of a store, judged: which may be believed, and what is wrong with the others.
///
/// Manifests load independently, so one bad object never hides another. They are judged under the longest
/// roster chain found in any of them or in the running home; a chain that is neither a beginning of it nor
/// equal to it is a fork.
package struct BackupIndex: Sendable {
    /// A manifest that may be believed.
    package struct Entry: Sendable {
        package let name: BackupStore.Name
        package let head: ManifestHead
        /// `backup-` and the id in base32.
        package let id: String
    }

    /// Something that is wrong.
    package struct Failure: Sendable, Equatable {
        package let object: String
        package let reason: String
        package let code: BackupError.Code
    }

    /// In the order of their names: by writer, incarnation, sequence.
    package private(set) var entries: [Entry] = []
    package private(set) var failures: [Failure] = []
    /// The chain under which they were judged; nil when there is none at all.
    package private(set) var roster: Roster?

    /// Where the store is.
    package let location: BackupLocation

    /// A manifest that was read and is still to be judged. Its pack table is not kept: with many backups of
    /// many packs the tables are what would fill the memory.
    private struct Candidate {
        let entry: Entry
        /// Row of the distinct roster chains.
        let chain: Int
    }

    /// Reads and judges every manifest.
    ///
    /// - Parameters:
    ///   - running: the roster of the home this runs in, if one is open. Manifests of another vault are
    ///     refused then.
    ///   - isSettled: whether that roster is the longest chain already, and manifests lengthen it no more.
    /// - Throws: what the source throws when it can't be read at all.
    package init(
        _ source: some ManifestSource, at location: BackupLocation, running: Roster?,
        isSettled: Bool = false
    ) throws {
        self.location = location
        let listing = try source.manifestListing()
        name(strangers: listing)
        var read: [Candidate] = []
        var chains = DistinctChains()
        for name in listing.names {
            do {
                let manifest = try source.manifest(name)
                let entry = Entry(name: name, head: manifest.head, id: Self.idText(manifest.clear.id))
                read.append(Candidate(entry: entry, chain: chains.row(manifest.clear.roster)))
            } catch let error as BackupError {
                fail(name.description, error)
            }
        }
        roster = isSettled ? running : longestChain(chains.all, running: running)
        var believed: [Entry] = []
        for candidate in read {
            do throws(BackupError) {
                try judge(candidate.entry, chains.all[candidate.chain])
                believed.append(candidate.entry)
            } catch {
                fail(candidate.entry.name.description, error)
            }
        }
        link(believed)
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

    // MARK: - Judging

    private mutating func fail(_ object: String, _ error: BackupError) {
        failures.append(Failure(object: object, reason: error.message, code: error.code))
    }

    private mutating func name(strangers listing: ManifestListing) {
        let reason = "not a manifest's name: nobody who keeps to the format puts it there"
        for stranger in listing.strangers {
            failures.append(Failure(object: stranger, reason: reason, code: .integrity))
        }
        guard listing.furtherStrangers > 0 else { return }
        failures.append(
            Failure(object: "m/", reason: "\(listing.furtherStrangers) more such objects", code: .integrity))
    }

    private func longestChain(_ chains: [[[UInt8]]], running: Roster?) -> Roster? {
        var longest = running
        for chain in chains {
            // One that does not verify is named when its manifest is judged.
            guard case .success(let roster) = Self.verified(chain) else { continue }
            guard let current = longest else {
                longest = roster
                continue
            }
            if roster.vaultID == current.vaultID && roster.extends(current) { longest = roster }
        }
        return longest
    }

    private static func verified(_ chain: [[UInt8]]) -> Result<Roster, KeyError> {
        do throws(KeyError) { return .success(try Roster(verifying: chain)) } catch { return .failure(error) }
    }

    /// Vault, chain, role, incarnation, pins, signature.
    private func judge(_ entry: Entry, _ chain: [[UInt8]]) throws(BackupError) {
        let object = entry.name.description
        guard let roster else { throw .integrity(object, "no roster chain verifies") }
        guard entry.head.vaultID == roster.vaultID.bytes else {
            throw .integrity(object, "a backup of another vault")
        }
        guard chain.count <= roster.records.count, !chain.isEmpty,
            zip(chain, roster.records).allSatisfy({ $0 == $1.bytes })
        else {
            throw .integrity(object, "its roster chain is a fork of the vault's")
        }
        guard let id = DeviceID(entry.head.deviceID) else { throw .integrity(object, "an unknown writer") }
        let place = ManifestPlace(
            device: id, incarnation: entry.head.incarnation, sequence: entry.head.sequence,
            hash: entry.head.hash, recordCount: chain.count)
        let key: [UInt8]
        do throws(KeyError) { key = try roster.manifestKey(at: place) } catch {
            throw .integrity(object, error.message)
        }
        try entry.head.verify(publicKey: key, object: object)
    }

    /// Follows every writer's chain. A manifest whose predecessor is there and is another one is not
    /// believed; a predecessor that is missing is named, and the rest still counts.
    private mutating func link(_ believed: [Entry]) {
        var before: Entry?
        for entry in believed {
            let object = entry.name.description
            let follows =
                before.map {
                    $0.name.writer == entry.name.writer && $0.name.incarnation == entry.name.incarnation
                } ?? false
            let expected = follows ? (before?.head.sequence ?? 0) + 1 : 1
            if entry.head.sequence == expected {
                if follows, let before, entry.head.previous != before.head.hash {
                    failures.append(
                        Failure(
                            object: object, reason: "the chain is broken: it does not follow the one before",
                            code: .integrity))
                    continue
                }
            } else {
                failures.append(
                    Failure(
                        object: object,
                        reason: "manifests \(expected) to \(entry.head.sequence - 1) before it are missing",
                        code: .rollback))
            }
            entries.append(entry)
            before = entry
        }
    }
}

/// The roster chains of many manifests, each kept once: they are nearly always the same few.
private struct DistinctChains {
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
