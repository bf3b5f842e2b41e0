import Cryptography
import FileSystem
import Glibc

/// The directory `keys/` of a home: two copies of the ring, the roster, the locks.
///
/// A change is stored in this order, each step synced before the next:
/// 1. roster records that an interrupted change left beyond the ring's head are removed;
/// 2. new roster records are created (they count for nothing until a ring names them);
/// 3. the ring is put in place of the older copy: from this rename on the change has happened, because the
///    copy of the higher generation wins;
/// 4. the ring is put in place of the other copy, so that no old root stays behind.
/// A power cut before 3 leaves the old ring and records that nobody reads; between 3 and 4 it leaves the new
/// ring beside an older one, which the next opening replaces.
///
/// Where records were displaced, those that take their places are made beside them in step 2, as
/// `<seq>.new`, and moved over them after step 4. Each ring names the hash of its newest record and each
/// record that of the one before, so that a reader knows at any moment which of the two files of a number
/// is meant: between 2 and the end the old chain and the new one are both there, and a ring of either is
/// whole.
struct KeyDirectory: Sendable {
    let path: String

    enum Copy: CaseIterable { case a, b }

    /// What stands in the two copies.
    struct Rings {
        /// The newest valid ring and where it stands.
        let newest: RingFile
        let place: Copy
        /// Whether the other copy is valid and older: a change was interrupted.
        let isOtherOlder: Bool
        /// The copies that are missing or damaged.
        let damaged: [Copy]
    }

    func path(of copy: Copy) -> String { path + (copy == .a ? "/ring.a" : "/ring.b") }
    var rosterPath: String { path + "/roster" }
    func rosterPath(_ sequence: UInt64) -> String { rosterPath + "/" + Hex.encode(sequence) }

    /// Takes the writers' lock.
    func lock() throws(KeyError) -> FileLock {
        let path = path + "/ring.lock"
        let lock = try withFiles { () throws(FileError) in
            try FileLock.acquire(path, .exclusive, timeout: .seconds(10))
        }
        guard let lock else { throw KeyError(.busy, "another process is changing the key ring") }
        return lock
    }

    /// Reads both copies. A damaged one yields to the other; anything worse than damage is thrown, because no
    /// crash can cause it.
    func readRings() throws(KeyError) -> Rings {
        var found: [(copy: Copy, ring: RingFile)] = []
        var damaged: [Copy] = []
        var damage: KeyError?
        for copy in Copy.allCases {
            guard let bytes = try read(path(of: copy), limit: RingFile.sizeLimit) else {
                damaged.append(copy)
                continue
            }
            do {
                found.append((copy, try RingFile(bytes)))
            } catch {
                guard error.code == .damagedRing else { throw error }
                damage = error
                damaged.append(copy)
            }
        }
        guard let newest = found.max(by: { $0.ring.generation < $1.ring.generation }) else {
            throw damage
                ?? KeyError(.notFound, "there is no key ring in \(path)", hint: "run ai-team init")
        }
        return Rings(
            newest: newest.ring, place: newest.copy,
            isOtherOlder: found.contains { $0.ring.generation < newest.ring.generation }, damaged: damaged)
    }

    /// What tells a file from the one that a rename put in its place.
    struct Appearance: Equatable {
        private let copies: [FileStatus?]

        fileprivate init(_ copies: [FileStatus?]) { self.copies = copies }
    }

    /// How both copies look now, without reading them.
    func appearance() throws(KeyError) -> Appearance {
        try withFiles { () throws(FileError) in
            Appearance([try Files.status(path(of: .a)), try Files.status(path(of: .b))])
        }
    }

    /// Waits until the names in the directory are on the disk.
    func sync() throws(KeyError) {
        try withFiles { () throws(FileError) in try Durable.syncDirectory(path) }
    }

    /// Runs `body`, which reads ring and roster, again when they did not fit and somebody was changing them.
    func whileOthersChange<R>(_ body: () throws(KeyError) -> R) throws(KeyError) -> R {
        while true {
            let before = try appearance()
            do throws(KeyError) { return try body() } catch {
                guard error.code == .invalidRoster, try appearance() != before else { throw error }
            }
        }
    }

    /// Reads and verifies the roster up to the record that `ring` names; what lies beyond was never settled.
    func readRoster(for ring: RingFile) throws(KeyError) -> Roster {
        guard ring.rosterSequence < UInt64(Roster.recordLimit) else {
            throw KeyError(.invalidRoster, "the key ring names too long a roster")
        }
        let displacing = try displacing()
        var chain: [[UInt8]] = []
        var hash = ring.rosterHash
        for sequence in (0...ring.rosterSequence).reversed() {
            var found = try read(rosterPath(sequence), limit: RosterRecord.sizeLimit)
            if displacing.contains(sequence), found.map({ Hash.digest(.sha256, $0) }) != hash {
                found = try read(displacingPath(sequence), limit: RosterRecord.sizeLimit) ?? found
            }
            guard let found else {
                throw KeyError(.invalidRoster, "record \(sequence) of the roster is missing in keys/roster")
            }
            chain.append(found)
            if !displacing.isEmpty { hash = try RosterRecord(found).prevHash }
        }
        return try Roster(verifying: chain.reversed())
    }

    private static let suffix = ".new"
    private func displacingPath(_ sequence: UInt64) -> String { rosterPath(sequence) + Self.suffix }

    /// The numbers of records that wait beside those whose places they take.
    private func displacing() throws(KeyError) -> Set<UInt64> {
        let names = try withFiles { () throws(FileError) in
            try Files.exists(rosterPath) ? Files.list(rosterPath) : []
        }
        return Set(
            names.filter { $0.hasSuffix(Self.suffix) }
                .compactMap { UInt64($0.dropLast(Self.suffix.utf8.count), radix: 16) })
    }

    /// Moves the records of `roster` that wait over those that they displace, and drops others that wait.
    private func finishDisplacing(by roster: Roster) throws(KeyError) {
        let waiting = try displacing()
        guard !waiting.isEmpty else { return }
        for sequence in waiting.sorted() {
            let bytes = try read(displacingPath(sequence), limit: RosterRecord.sizeLimit)
            let isMeant =
                sequence <= roster.headSequence && roster.records[Int(sequence)].bytes == bytes
            try withFiles { () throws(FileError) in
                if isMeant {
                    try Durable.rename(displacingPath(sequence), to: rosterPath(sequence))
                } else {
                    try Durable.remove(displacingPath(sequence))
                }
            }
        }
        try withFiles { () throws(FileError) in try Durable.syncDirectory(rosterPath) }
    }

    /// Stores a change in the order that the type's comment gives. The caller holds the writers' lock.
    ///
    /// - Parameter old: the roster that the newest of `rings` names.
    func store(_ state: RingState, time: UInt64, after rings: Rings, _ old: Roster) throws(KeyError) {
        let ring = try KeyDirectory.sealed(state, time)
        let settled = rings.newest.rosterSequence
        try finishDisplacing(by: old)
        try removeRecords(beyond: settled)
        let kept = zip(old.records, state.roster.records).prefix { $0 == $1 }.count
        for record in state.roster.records.dropFirst(kept) {
            let path =
                record.sequence > settled
                ? rosterPath(record.sequence) : displacingPath(record.sequence)
            try create(record, at: path)
        }
        let other: Copy = rings.place == .a ? .b : .a
        try write(ring.encoded, to: other)
        try write(ring.encoded, to: rings.place)
        guard kept <= settled else { return }
        try finishDisplacing(by: state.roster)
        try removeRecords(beyond: state.roster.headSequence)
    }

    /// Stores the first ring and the whole roster of a new home. The caller holds the writers' lock.
    func storeFirst(_ state: RingState, time: UInt64) throws(KeyError) {
        let ring = try KeyDirectory.sealed(state, time)
        try removeRecords(beyond: nil)
        for record in state.roster.records { try create(record, at: rosterPath(record.sequence)) }
        try write(ring.encoded, to: .a)
        try write(ring.encoded, to: .b)
    }

    /// Ends a change that a crash left between the two copies. The caller has verified the newest one.
    func finishInterruptedChange() throws(KeyError) {
        let lock = try lock()
        let rings = try readRings()
        if rings.isOtherOlder { try write(rings.newest.encoded, to: rings.place == .a ? .b : .a) }
        lock.release()
    }

    /// Makes the directories, 0700.
    func make() throws(KeyError) {
        try withFiles { () throws(FileError) in
            try Files.createDirectory(path, permissions: 0o700)
            try Files.createDirectory(rosterPath, permissions: 0o700)
            try Durable.syncDirectory(of: rosterPath)
            try Durable.syncDirectory(of: path)
        }
    }

    private func create(_ record: RosterRecord, at path: String) throws(KeyError) {
        try withFiles { () throws(FileError) in
            try Durable.create(path, with: record.bytes, permissions: 0o600)
        }
    }

    private static func sealed(_ state: RingState, _ time: UInt64) throws(KeyError) -> RingFile {
        try orKeyError(.failed, "key ring") { () throws(CryptoError) in try state.sealed(time: time) }
    }

    private func write(_ bytes: [UInt8], to copy: Copy) throws(KeyError) {
        try withFiles { () throws(FileError) in
            try Durable.replace(path(of: copy), with: bytes, permissions: 0o600)
        }
    }

    /// Removes what stands in keys/roster beyond record `last` (nil: everything).
    private func removeRecords(beyond last: UInt64?) throws(KeyError) {
        let kept = Set(last.map { (0...$0).map(Hex.encode) } ?? [])
        try withFiles { () throws(FileError) in
            let leftovers = try Files.list(rosterPath).filter { !kept.contains($0) }
            for name in leftovers { try Durable.remove(rosterPath + "/" + name) }
            if !leftovers.isEmpty { try Durable.syncDirectory(rosterPath) }
        }
    }

    /// Nil when there is no file. What is no plain file of a possible size reads as empty, which no record or
    /// ring is: the same errors as for any other damage.
    private func read(_ path: String, limit: Int) throws(KeyError) -> [UInt8]? {
        do {
            return try Files.readAll(path, limit: limit)
        } catch {
            if error.isNotFound { return nil }
            if error.isSymbolicLink || error.errno == EFBIG || error.errno == EISDIR { return [] }
            throw KeyError(error)
        }
    }
}
