internal import Cryptography
package import KeyRing

/// What pruning needs of a store that others may write to at the same time.
package protocol PruneTarget: ManifestSource {
    var location: BackupLocation { get }

    /// Removes a manifest; one that is gone is no error.
    ///
    /// - Returns: false when a lock of the store forbids it for now.
    func removeManifest(_ name: BackupStore.Name) throws -> Bool

    /// Lists the packs: the name below `p/<2>/`, and the bytes of the object.
    func eachPack(_ body: (_ name: String, _ bytes: UInt64) throws -> Void) throws

    /// Removes a pack; as `removeManifest`.
    func removePack(_ name: String) throws -> Bool

    /// The objects below `d/`.
    func marks() throws -> [StoredMark]

    /// Stores a mark, in place of one that is there.
    func addMark(_ pack: String, _ bytes: [UInt8]) throws

    /// Removes a mark; one that is gone is no error.
    func removeMark(_ pack: String) throws

    /// The uploads that say that they are running (`u/`).
    func uploads() throws -> [StoredUpload]

    /// Removes what an upload left that is running no more.
    func removeUpload(_ writer: String) throws
}

/// A mark as a store has it.
package struct StoredMark: Sendable {
    /// The name below `d/`.
    package let pack: String
    package let bytes: [UInt8]
    /// Milliseconds since it was stored, by the store's clock.
    package let age: UInt64

    package init(pack: String, bytes: [UInt8], age: UInt64) {
        self.pack = pack
        self.bytes = bytes
        self.age = age
    }
}

/// An upload as a store has it.
package struct StoredUpload: Sendable {
    package let writer: String
    /// Milliseconds since it began and since it last said so, by the store's clock.
    package let age: UInt64
    package let silence: UInt64

    package init(writer: String, age: UInt64, silence: UInt64) {
        self.writer = writer
        self.age = age
        self.silence = silence
    }
}

/// Removes packs from a store that others may write to at the same time: marks what nothing names, waits, and
/// removes what is still unwanted.
///
/// Nobody needs a lock. A writer lists the marks right before its manifest and stores again what is marked or
/// gone, and looks once more after it. The pruner waits 23 hours by its own clock and by the store's, looks
/// at the manifests again right before it removes anything, and leaves alone what was marked after a running
/// upload began: its packs have no manifest yet.
package struct SharedPrune<Target: PruneTarget, Keys: BackupKeys> {
    /// After so many milliseconds of silence an upload is taken for dead: 7 days.
    static var deadAfter: UInt64 { 7 * 86_400_000 }
    /// After so many packs the store is looked at again.
    private static var atOnce: Int { 256 }

    /// What a run did.
    package struct Report: Sendable, Equatable {
        /// Manifests and packs that are gone now, and the packs' bytes.
        package var manifests = 0
        package var packs = 0
        package var bytes: UInt64 = 0
        /// Packs that were marked now, and those that wait, with their bytes.
        package var marked = 0
        package var waiting = 0
        package var waitingBytes: UInt64 = 0
        /// What a lock of the store keeps for now.
        package var locked = 0
        /// Packs that are ripe, and wait for a running upload.
        package var postponed = 0

        package init() {}
    }

    private let target: Target
    private let keys: Keys
    private let roster: Roster

    package init(_ target: Target, keys: Keys, roster: Roster) {
        self.target = target
        self.keys = keys
        self.roster = roster
    }

    /// Does what can be done now; the rest is a later run's.
    ///
    /// - Parameters:
    ///   - index: of the target, sound, read after the prune record was stored.
    ///   - now: milliseconds since 1970 by this machine's clock.
    /// - Returns: what was done, and the packs whose marks the memory has to keep.
    package func run(
        _ index: BackupIndex, _ memory: inout MarkMemory, now: UInt64
    ) throws -> (report: Report, marked: Set<[UInt8]>) {
        try PruneSigning<Keys>.requireSound(index, givesUp: false)
        var report = Report()
        for name in index.leftovers {
            if try target.removeManifest(name) { report.manifests += 1 } else { report.locked += 1 }
        }
        try removeDeadUploads()
        let unnamed = try packs(notNamedBy: index.packs)
        let marked = try marks(on: unnamed)
        var ripe: [Ripe] = []
        var waiting: Set<[UInt8]> = []
        for (pack, size) in unnamed.sorted(by: { $0.key < $1.key }) {
            // What has no pack's name is not ours to remove.
            guard let id = Crockford32.decode(pack), id.count == 16 else { continue }
            waiting.insert(id)
            guard let mark = marked[pack] else {
                let mark = try PackMark(on: id, at: target.location, created: now, keys: keys).bytes
                try target.addMark(pack, mark)
                _ = memory.firstSeen(id, mark: mark, now: now)
                report.marked += 1
                continue
            }
            let first = memory.firstSeen(id, mark: mark.bytes, now: now)
            if mark.age >= PackMark.patience, now >= first, now - first >= PackMark.patience {
                ripe.append(Ripe(pack: pack, id: id, bytes: size, age: mark.age))
            } else {
                report.waiting += 1
                report.waitingBytes &+= size
            }
        }
        try remove(ripe, index, &report)
        return (report, waiting)
    }

    private struct Ripe {
        let pack: String
        let id: [UInt8]
        let bytes: UInt64
        let age: UInt64
    }

    private func removeDeadUploads() throws {
        for upload in try target.uploads() where upload.silence > Self.deadAfter {
            try target.removeUpload(upload.writer)
        }
    }

    private func packs(notNamedBy named: Set<[UInt8]>) throws -> [String: UInt64] {
        let names = Set(named.map { Crockford32.encode($0) })
        var unnamed: [String: UInt64] = [:]
        try target.eachPack { name, bytes in if !names.contains(name) { unnamed[name] = bytes } }
        return unnamed
    }

    /// The members' marks on packs that nothing names. Marks on others go: they are named again, or gone.
    private func marks(on unnamed: [String: UInt64]) throws -> [String: StoredMark] {
        var found: [String: StoredMark] = [:]
        for mark in try target.marks() {
            guard unnamed[mark.pack] != nil else {
                try target.removeMark(mark.pack)
                continue
            }
            if isMembers(mark) { found[mark.pack] = mark }
        }
        return found
    }

    /// Whether a member made this mark for this pack here. Another one is replaced, and waits anew.
    private func isMembers(_ stored: StoredMark) -> Bool {
        do throws(BackupError) {
            let mark = try PackMark(stored.bytes, object: stored.pack)
            guard mark.vaultID == keys.vaultID, mark.location == target.location.id,
                Crockford32.encode(mark.pack) == stored.pack,
                let member = DeviceID(mark.deviceID).flatMap({ roster.member($0) }),
                let era = member.signingKeys.last
            else { return false }
            try mark.verify(publicKey: era.key, object: stored.pack)
            return true
        } catch { return false }
    }

    /// Looks again at manifests and uploads every so often, and removes what is still wanted by nobody.
    private func remove(_ ripe: [Ripe], _ index: BackupIndex, _ report: inout Report) throws {
        for start in stride(from: 0, to: ripe.count, by: Self.atOnce) {
            let named = try packs(namedSince: index)
            let running = try target.uploads()
            for pack in ripe[start..<min(start + Self.atOnce, ripe.count)] {
                if named.contains(pack.id) {
                    try target.removeMark(pack.pack)
                } else if running.contains(where: { $0.age >= pack.age }) {
                    report.postponed += 1
                } else if try target.removePack(pack.pack) {
                    try target.removeMark(pack.pack)
                    report.packs += 1
                    report.bytes &+= pack.bytes
                } else {
                    report.locked += 1
                }
            }
        }
    }

    /// Packs that manifests name which were not there when the index was read. Who signed them is not asked:
    /// a stranger's manifest keeps a pack, and no more.
    private func packs(namedSince index: BackupIndex) throws -> Set<[UInt8]> {
        var named: Set<[UInt8]> = []
        let gone = Set(index.leftovers)
        for name in try target.manifestNames() where index.heads[name] == nil && !gone.contains(name) {
            guard case .backup(let manifest) = try target.stored(name) else { continue }
            for pack in manifest.clear.packs { named.insert(pack.id) }
        }
        return named
    }
}
