internal import Cryptography
internal import FileSystem
internal import ObjectStorage
internal import Synchronization

/// Brings what a remote lacks of a store there: packs first, several at a time, then the manifest that names
/// them, in the order of the chains. Killed at any moment, it goes on where it was: what is there is listed
/// and not sent again, and no manifest is there before its packs.
struct RemoteUpload {
    /// What was done.
    struct Report {
        /// Objects that were sent, and those that were there.
        var uploaded = 0
        var skipped = 0
        /// Bytes of what was sent.
        var bytes: UInt64 = 0
    }

    /// Packs that are sent before the next manifest is.
    private static let batchCount = 16

    let remote: RemoteStore
    let local: BackupStore
    let probe: RemoteProbe
    let writer: String
    let surroundings: StoreSurroundings
    /// A run that sends more than this tells others that it is there.
    let heartbeatBytes: UInt64
    let progress: (BackupProgress) -> Void

    /// A manifest that shall be there, and the packs that it names.
    private struct Link {
        var name: BackupStore.Name
        var bytes: [UInt8]
        var packs: [PackRecord]
        /// It is there already.
        var isThere: Bool
    }

    /// - Parameter names: manifests of the local store, in order.
    /// - Throws: `.rollback` when another manifest stands under one of the names; `StorageError`.
    func run(_ names: [BackupStore.Name], _ listing: RemoteListing) throws -> Report {
        var state = State(listing: listing, began: surroundings.now())
        var draft = state
        state.total = try names.reduce(UInt64(0)) { total, name in
            try total + missing(link(name, listing), &draft).reduce(0) { $0 + $1.length }
        }
        state.beats = state.total > heartbeatBytes
        if state.beats { try beat(state) }
        var batch: [Link] = []
        var packs: [PackRecord] = []
        for name in names {
            let next = try link(name, state.listing)
            packs += missing(next, &state)
            batch.append(next)
            guard packs.count >= Self.batchCount else { continue }
            try ship(batch, packs, &state)
            batch = []
            packs = []
        }
        try ship(batch, packs, &state)
        try repair(names, &state)
        if state.beats { try remote.store.delete(RemoteStore.name("u/" + writer)) }
        return state.report
    }

    private struct State {
        var listing: RemoteListing
        /// Packs that are to be sent or were.
        var planned: Set<[UInt8]> = []
        var total: UInt64 = 0
        var done: UInt64 = 0
        var report = Report()
        /// When the run began, milliseconds since 1970, and whether it tells others that it runs.
        var began: Int64 = 0
        var beats = false
        /// A pack that it needs was marked by a prune.
        var metMarks = false

        init(listing: RemoteListing, began: Int64) {
            self.listing = listing
            self.began = began
        }
    }

    private func link(_ name: BackupStore.Name, _ listing: RemoteListing) throws -> Link {
        let bytes: [UInt8]
        var packs: [PackRecord] = []
        switch try local.stored(name) {
        case .backup(let manifest):
            bytes = manifest.bytes
            packs = manifest.clear.packs
        case .prune(let record): bytes = record.bytes
        }
        var isThere = false
        if let info = listing.infos[name] {
            isThere = true
            guard info.size == UInt64(bytes.count) else { throw Self.clone(name) }
            if probe.hasMD5, let md5 = info.etag.md5 {
                guard try md5 == BackupStore.md5(bytes) else { throw Self.clone(name) }
            } else {
                guard try self.bytes(RemoteStore.name(name.description)) == bytes
                else { throw Self.clone(name) }
            }
        }
        return Link(name: name, bytes: bytes, packs: packs, isThere: isThere)
    }

    private static func clone(_ name: BackupStore.Name) -> BackupError {
        BackupError(
            .rollback, "another manifest stands under this name at the remote", object: name.description,
            hint: "this home was copied or restored, or the remote was changed: `ai-team backup cloud verify`"
        )
    }

    /// What of a manifest's packs has to be sent and is not planned yet.
    private func missing(_ link: Link, _ state: inout State) -> [PackRecord] {
        link.packs.filter { pack in
            let isMarked = state.listing.marks.contains(pack.name)
            state.metMarks = state.metMarks || isMarked
            if !isMarked, state.listing.problem(pack, comparesETag: probe.hasMD5) == nil {
                if state.planned.insert(pack.id).inserted { state.report.skipped += 1 }
                return false
            }
            return state.planned.insert(pack.id).inserted
        }
    }

    private func ship(_ batch: [Link], _ packs: [PackRecord], _ state: inout State) throws {
        try send(packs, &state)
        if surroundings.uptime() - state.listing.began > RemoteListing.lifetime, !batch.isEmpty {
            // It took long, or this machine slept: what a prune marked or removed meanwhile is sent again.
            state.listing = try remote.listing(at: surroundings.uptime())
            state.planned = []
            var again: [PackRecord] = []
            for link in batch { again += missing(link, &state) }
            try send(again, &state)
            if state.beats { try beat(state) }
        }
        for link in batch {
            guard try !link.isThere && put(link) else {
                state.report.skipped += 1
                continue
            }
            state.report.uploaded += 1
            state.report.bytes += UInt64(link.bytes.count)
        }
    }

    /// A prune that had marked a pack may have removed it before it saw the manifest that names it: once the
    /// manifest is there, no prune removes it any more, so that what is gone then is sent for good.
    private func repair(_ names: [BackupStore.Name], _ state: inout State) throws {
        guard state.metMarks else { return }
        state.listing = try remote.listing(at: surroundings.uptime())
        state.listing.marks = []
        state.planned = []
        var gone: [PackRecord] = []
        let before = state.report.skipped
        for name in names { gone += missing(try link(name, state.listing), &state) }
        state.report.skipped = before
        try send(gone, &state)
    }

    private var sender: PackSender { PackSender(remote: remote, local: local, probe: probe) }

    private func send(_ packs: [PackRecord], _ state: inout State) throws {
        let (done, total) = (state.done, state.total)
        let listing = state.listing
        let sent = Mutex<(count: Int, bytes: UInt64)>((0, 0))
        try PackTransfers.run(
            packs,
            progress: {
                progress(BackupProgress(phase: .packs, done: min(done + $0, total), total: total))
            },
            { [sender] pack, moved in
                if try sender.put(pack, over: listing.packs[pack.path]) {
                    sent.withLock { $0 = ($0.count + 1, $0.bytes + pack.length) }
                }
                try moved(pack.length)
            })
        state.done += packs.reduce(0) { $0 + $1.length }
        let (count, bytes) = sent.withLock(\.self)
        state.report.uploaded += count
        state.report.skipped += packs.count - count
        state.report.bytes += bytes
    }

    /// - Returns: false when it was there after all.
    private func put(_ link: Link) throws -> Bool {
        let name = try RemoteStore.name(link.name.description)
        guard probe.isHonoured else {
            guard try remote.store.head(name) == nil else {
                guard try bytes(name) == link.bytes else { throw Self.clone(link.name) }
                return false
            }
            _ = try remote.store.put(name, .bytes(link.bytes), .none)
            guard try bytes(name) == link.bytes else { throw Self.clone(link.name) }
            return true
        }
        do {
            _ = try remote.store.put(name, .bytes(link.bytes), .ifAbsent)
            return true
        } catch let error as StorageError where error.isTaken {
            guard try bytes(name) == link.bytes else { throw Self.clone(link.name) }
            return false
        }
    }

    private func bytes(_ name: ObjectName) throws -> [UInt8] {
        try remote.store.read(name, limit: BackupStore.manifestLimit)
    }

    /// `u/<writer>`: "ATUP" ‖ began u64 ‖ now u64, in milliseconds since 1970. A prune leaves alone what was
    /// marked since it began, as long as it was written within a week.
    private func beat(_ state: State) throws {
        var text = CanonicalWriter()
        text.raw(Array("ATUP".utf8))
        text.u64(UInt64(clamping: state.began))
        text.u64(UInt64(clamping: surroundings.now()))
        _ = try remote.store.put(RemoteStore.name("u/" + writer), .bytes(text.bytes), .none)
    }
}

/// Sends packs, on any thread.
private struct PackSender: Sendable {
    let remote: RemoteStore
    let local: BackupStore
    let probe: RemoteProbe

    /// - Parameter bad: what stands there and is not this pack.
    /// - Returns: false when it was there after all.
    func put(_ pack: PackRecord, over bad: ObjectInfo?) throws -> Bool {
        let path = local.packPath(pack)
        guard try Files.exists(path) else {
            throw BackupError.integrity("pack " + pack.name, "it is missing")
        }
        let body = ObjectBody.file(path: path, size: pack.length, sha256: pack.sha256, md5: pack.md5)
        let name = try RemoteStore.name(pack.path)
        func isThere() throws -> Bool {
            guard let info = try remote.store.head(name) else { return false }
            let md5 = probe.hasMD5 ? info.etag.md5 : nil
            return info.size == pack.length && md5.map { $0 == pack.md5 } ?? true
        }
        guard probe.isHonoured else {
            // Nobody else writes under this name, which is random: look, write, look again.
            if try isThere() { return false }
            _ = try remote.store.put(name, body, .none)
            guard try isThere() else {
                throw BackupError.integrity("pack " + pack.name, "the remote does not have what was sent")
            }
            return true
        }
        do {
            _ = try remote.store.put(name, body, bad.map { .ifMatches($0.etag) } ?? .ifAbsent)
            return true
        } catch let error as StorageError where error.isTaken {
            guard try isThere() else {
                if error.code == .locked { throw error }
                throw BackupError.integrity("pack " + pack.name, "the remote has something else")
            }
            return false
        }
    }
}

extension StorageError {
    /// Something is there under the name: a bucket's lock may say so before the condition does.
    fileprivate var isTaken: Bool { code == .preconditionFailed || code == .locked }
}
