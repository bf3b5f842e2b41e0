internal import KeyRing
internal import ObjectStorage
package import Sync
internal import TestSupport
internal import Vault

/// A few devices and a store without faults, for tests that say what happens step by step. What a device is
/// shown can be changed on its way.
package struct Lab {
    private var random: SplitMix64
    private let crypto = ModelCrypto()
    private var disks: [ModelDisk] = []
    private var store = ModelStore()
    /// Milliseconds since 1970.
    package var now: Int64 = 1_800_000_000_000
    /// When checkpoints are made, used and collected.
    package var checkpoints = CheckpointPolicy.standard
    /// Changes an answer on its way to a device.
    package var onAnswer: ((_ device: Int, _ name: SyncName, _ answer: RemoteAnswer) -> RemoteAnswer)?
    /// The names of all requests of the newest round, in order.
    package private(set) var requests: [String] = []

    /// Devices that belong to one vault and have never synced.
    package init(devices: Int, seed: UInt64 = 1) {
        random = SplitMix64(seed: seed)
        func bytes(_ count: Int) -> [UInt8] {
            (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        let ids = (0..<devices).compactMap { _ in DeviceID(bytes(16)) }
        guard let vaultID = VaultID(bytes(32)) else { preconditionFailure("32 bytes name a vault") }
        let roster = ModelRoster(vaultID: vaultID, devices: ids)
        disks = ids.map {
            ModelDisk(state: SyncState(author: Author(device: $0, incarnation: 0)), roster: roster)
        }
    }

    /// A local write.
    ///
    /// - Parameter collection: a task's; others go into the stream of tasks all the same.
    package mutating func write(
        _ device: Int, _ id: String = "task-1", collection: UInt32 = 1, value: Int64
    ) {
        let change = RecordChange(
            collection: collection, id: id, dot: disks[device].nextDot,
            fields: [FieldChange(1, .integer(value))])
        _ = disks[device].write(change, now: now)
    }

    /// A line in a device's log.
    package mutating func log(_ device: Int) { disks[device].logLines += 1 }

    /// Lets a device say something else of its logs in its next head.
    package mutating func forgeHead(_ device: Int, logs: LogRange) {
        let body = HeadBody(observed: disks[device].state.observed, logs: logs)
        let times = HeadTimes(
            issuedAt: UInt64(now), validUntil: UInt64(now) + 604_800_000, oldestLog: logs.oldest)
        _ = disks[device].commit([.draftHead(body, times)], crypto, &random)
    }

    /// A whole round of a device.
    @discardableResult
    package mutating func sync(
        _ device: Int, pulls: Bool = true, pushes: Bool = true, looksAtAll: Bool = false
    ) -> SyncReport {
        now += 2_000
        requests = []
        let disk = disks[device]
        var machine = SyncMachine(
            state: disk.state, membership: disk.roster, reader: crypto, checkpoints: checkpoints)
        var request = SyncRequest(
            pulls: pulls, pushes: pushes, hasUnsealed: disk.hasUnsealed, looksAtAll: looksAtAll,
            mayFound: true, now: now)
        request.hasLogs = disk.hasLogs(now: now)
        var events: [SyncEvent] = [.begin(request)]
        while !events.isEmpty {
            for effect in machine.step(events.removeFirst()) {
                switch effect {
                case .get(let token, let name, let etag, let limit):
                    requests.append("GET \(name)")
                    events.append(answer(token, name, store.get(name, unless: etag, limit: limit), device))
                case .put(let token, let name, let bytes, let condition):
                    requests.append("PUT \(name)")
                    events.append(answer(token, name, store.put(name, bytes, condition, at: now), device))
                case .delete(let token, let name):
                    requests.append("DELETE \(name)")
                    store.delete(name)
                    events.append(answer(token, name, .absent, device))
                case .commit(let token, let changes):
                    events.append(.committed(token, disks[device].commit(changes, crypto, &random)))
                case .find(let token, let places): events.append(.found(token, disks[device].hashes(places)))
                case .finish(let report): return report
                }
            }
        }
        preconditionFailure("a round ends with a report")
    }

    private func answer(
        _ token: SyncToken, _ name: SyncName, _ honest: RemoteAnswer, _ device: Int
    ) -> SyncEvent {
        .answer(token, onAnswer?(device, name, honest) ?? honest)
    }

    /// What a device remembers.
    package func state(_ device: Int) -> SyncState { disks[device].state }

    /// How many transactions a device has, its own and those of others.
    package func count(_ device: Int) -> Int { disks[device].contents.count }

    /// Whether devices have the same.
    package func agree(_ a: Int, _ b: Int) -> Bool { disks[a].contents == disks[b].contents }

    /// The bytes that an object had in its versions, oldest first.
    package func versions(_ name: SyncName) -> [[UInt8]] { (store.versions[name] ?? []).map(\.bytes) }

    /// The names of all objects in the store, in order.
    package var names: [String] { store.objects.keys.map { "\($0)" } }

    /// Removes all segments that some checkpoint covers, as a collector does long after.
    package mutating func removeSegments() {
        let marks = disks.flatMap(\.state.checkpoints)
        for name in store.objects.keys {
            guard case .segment(let lane, let number) = name else { continue }
            let isCovered = marks.contains { mark in
                mark.body.vector.contains { $0.lane == lane && $0.position.sequence >= number }
            }
            if isCovered { store.delete(name) }
        }
    }

    /// Lets a device say that a checkpoint comes to a root that it does not come to.
    package mutating func forgeCheckpoint(_ device: Int) {
        disks[device].isForging = true
        _ = disks[device].commit([.draftCheckpoint], crypto, &random).map { result in
            guard case .checkpoint(let draft) = result else { return }
            for (index, bytes) in draft.chunks.enumerated() {
                _ = store.put(.chunk(draft.mark.id, index), bytes, .ifAbsent, at: now)
            }
            _ = store.put(.manifest(draft.mark.id), draft.manifest, .ifAbsent, at: now)
            _ = disks[device].commit([.settleCheckpoint(draft.mark)], crypto, &random)
        }
        disks[device].isForging = false
    }

    /// A second copy of a device as it is now; its number.
    package mutating func clone(_ device: Int) -> Int {
        disks.append(disks[device])
        return disks.count - 1
    }

    /// The segment that a device would send next, in its final bytes.
    package mutating func seal(_ device: Int) -> [UInt8] {
        for case .sealed(let segments) in disks[device].commit([.seal], crypto, &random) {
            return segments.first?.bytes ?? []
        }
        return []
    }

    /// Puts a device's disk back to what another one's is.
    package mutating func restore(_ device: Int, from copy: Int) { disks[device] = disks[copy] }

    /// Gives a device a new life, which it takes with its next rounds.
    package mutating func reincarnate(_ device: Int) {
        disks[device].reincarnate(UInt32.random(in: 1...UInt32.max, using: &random))
    }

    /// One device removes another, whose segments count as far as the first one has them.
    package mutating func remove(_ device: Int, by author: Int) {
        disks[author].remove(disks[device].state.author.device)
    }

    /// One device narrows what another may do, which ends that one's life where the first one has it.
    package mutating func limit(_ device: Int, by author: Int) {
        disks[author].limit(disks[device].state.author.device)
    }

    /// Ends the former life, once everything of it is here.
    package mutating func recordNewLife(_ device: Int) { disks[device].recordNewLife() }
}
