internal import Cryptography
internal import KeyRing
public import ObjectStorage
internal import Vault

/// A full check of what sync has in a remote: every object is fetched, and judged by its name, its author's
/// signature, its place in its lane and its ciphertext, whatever this device has applied before.
public struct RemoteInspection {
    /// What was found.
    public struct Report: Sendable {
        /// Objects that were looked at.
        public fileprivate(set) var checked = 0
        /// Their bytes.
        public fileprivate(set) var bytes: UInt64 = 0
        /// What is not as it should be, in the order of names.
        public fileprivate(set) var failed: [Failure] = []

        /// Whether nothing is wrong.
        public var isGood: Bool { failed.isEmpty }
    }

    /// An object and what is wrong with it.
    public struct Failure: Sendable, Hashable {
        /// Its name in the remote.
        public let object: String
        /// What is wrong.
        public let reason: String

        init(object: String, reason: String) {
            self.object = object
            self.reason = reason
        }
    }

    private let sync: VaultSync
    private let store: any ObjectStore
    /// Judges objects as rounds do.
    private let judge: SyncMachine
    private var report = Report()
    private var logs: LogInspection
    /// How new the database here is.
    private var newest = HeadBody.Anchor.none

    /// A check of `store` by what a vault knows.
    public init(sync: VaultSync, store: any ObjectStore) {
        self.sync = sync
        self.store = store
        judge = SyncMachine(state: sync.state, membership: sync.membership, reader: sync.reader)
        logs = LogInspection(of: sync)
    }

    /// Looks at everything.
    ///
    /// - Parameters:
    ///   - progress: told after each object how many of how many were looked at.
    ///   - contents: told how many bytes of documents' contents, of how many, were read whole.
    /// - Throws: what the store throws when it can't be read.
    public mutating func run(
        progress: (_ done: Int, _ all: Int) -> Void, contents: (_ done: Int64, _ all: Int64) -> Void
    ) throws -> Report {
        newest = try sync.vault.read { try sync.anchor($0) }
        let names = try list()
        for (index, name) in names.enumerated() {
            try look(at: name)
            progress(index + 1, names.count)
        }
        try lookForGaps(Set(names.map(\.text)))
        let blobs = try BlobInspection(sync: sync, store: store).run(progress: contents)
        report.checked += blobs.checked
        report.bytes += blobs.bytes
        report.failed += blobs.failed
        report.failed += logs.failures()
        report.failed.sort { ($0.object, $0.reason) < ($1.object, $1.reason) }
        return report
    }

    private func list() throws -> [ObjectName] {
        var names: [ObjectName] = []
        var next: String?
        repeat {
            let page = try store.list(prefix: SyncName.root, after: next, limit: 1000)
            names += page.objects.map(\.name)
            next = page.next
        } while next != nil
        return names
    }

    private mutating func look(at name: ObjectName) throws {
        let path = String(name.text.dropFirst(SyncName.root.count))
        let parts = path.split(separator: "/").map(String.init)
        // Blobs are read by what names them; claims and requests to join are judged by their users.
        guard let kind = parts.first, ["g", "r", "x", "h", "s", "c", "m", "l"].contains(kind) else { return }
        var bytes: [UInt8] = []
        do throws(StorageError) { bytes = try read(name) } catch {
            // Others may remove what a checkpoint covers, while this goes on.
            guard error.code != .notFound else { return }
            throw error
        }
        report.checked += 1
        report.bytes += UInt64(bytes.count)
        do throws(SyncError) { try check(bytes, kind, parts, name: path) } catch {
            report.failed.append(Failure(object: path, reason: error.message))
        }
    }

    private func read(_ name: ObjectName) throws(StorageError) -> [UInt8] {
        do {
            var bytes: [UInt8] = []
            _ = try store.get(name, range: nil, unless: nil) { bytes.append(contentsOf: $0) }
            return bytes
        } catch let error as StorageError { throw error } catch {
            throw StorageError(.unreachable, "\(error)")
        }
    }

    private mutating func check(
        _ bytes: [UInt8], _ kind: String, _ parts: [String], name: String
    ) throws(SyncError) {
        if kind == "g" || kind == "r" {
            let sequence = kind == "g" ? 0 : UInt64(parts.last ?? "")
            guard let sequence, sync.membership.record(sequence) == bytes else {
                throw .integrity(name, "it is not the record that this device knows")
            }
            return
        }
        let object = try SignedObject(bytes, name: name)
        let header = object.header
        guard case .known = judge.knowledge(of: header) else {
            throw .integrity(name, "it names another roster, or one that this device does not know yet")
        }
        let content = try judge.open(object, as: header.kind, name: name)
        let day =
            header.kind == .log ? LogDay(milliseconds: try LogBody(content, name: name).sealedAt) : nil
        guard place(of: header, day) == name else { throw .integrity(name, "it belongs elsewhere") }
        switch header.kind {
        case .segment:
            _ = try OpBatch.decode(content, by: header.lane.author, name: name)
            try compare(object, name: name)
        case .head:
            let body = try HeadBody(content, name: name)
            logs.add(body.logs, of: header.lane.author)
            if header.lane.author == sync.state.author, let reason = newest.objection(to: body.anchor) {
                throw .integrity(name, reason)
            }
        case .log: logs.add(object, on: day)
        case .bell: _ = try BellBody(content, name: name)
        case .checkpoint: _ = try CheckpointBody(content, name: name)
        case .marks: _ = try MarksBody(content, name: name)
        case .chunk:
            do { _ = try CheckpointChunk.decode(content) } catch {
                throw .integrity(name, "its content is malformed")
            }
        case .claim: throw .integrity(name, "it is no claim's place")
        }
    }

    /// The name that an object must have, below the root.
    ///
    /// - Parameter day: on which a log object says that it was sealed.
    private func place(of header: ObjectHeader, _ day: LogDay?) -> String? {
        let name: SyncName? =
            switch header.kind {
            case .segment: .segment(header.lane, header.sequence)
            case .head: .head(header.lane.author)
            case .bell: .bell
            case .marks: .marks
            case .checkpoint: CheckpointID(Array(header.link.prefix(16))).map { .manifest($0) }
            case .chunk:
                CheckpointID(Array(header.link.prefix(16))).map {
                    .chunk($0, Int(clamping: header.sequence) - 1)
                }
            case .log: day.map { .log(header.lane.author, $0, header.sequence) }
            case .claim: nil
            }
        return name.map {
            String($0.objectName(vault: sync.keys.vaultID).text.dropFirst(SyncName.root.count))
        }
    }

    /// Whether a segment is the one that was applied here.
    private func compare(_ object: SignedObject, name: String) throws(SyncError) {
        let place = SegmentPlace(lane: object.header.lane, sequence: object.header.sequence)
        let known: [[UInt8]?]
        do { known = try sync.hashes([place]) } catch { throw .integrity(name, "\(error)") }
        guard let hash = known.first ?? nil, hash != object.hash else { return }
        throw .integrity(name, "this device has applied another one in its place")
    }

    /// Segments that were applied or sent here, are covered by no checkpoint that is there, and are gone.
    private mutating func lookForGaps(_ names: Set<String>) throws {
        let vault = sync.keys.vaultID
        var covered: [Lane: UInt64] = [:]
        for mark in sync.state.checkpoints
        where names.contains(SyncName.manifest(mark.id).objectName(vault: vault).text) {
            for seen in mark.body.vector {
                covered[seen.lane] = max(covered[seen.lane] ?? 0, seen.position.sequence)
            }
        }
        for seen in sync.state.observed {
            let first = (covered[seen.lane] ?? 0) + 1
            guard first <= seen.position.sequence else { continue }
            for number in first...seen.position.sequence {
                let name = SyncName.segment(seen.lane, number).objectName(vault: vault).text
                guard !names.contains(name) else { continue }
                report.failed.append(
                    Failure(
                        object: String(name.dropFirst(SyncName.root.count)),
                        reason: "it was there, no checkpoint covers it, and it is gone"))
            }
        }
    }
}
