internal import Cryptography
internal import KeyRing
internal import ObjectStorage
internal import Sync
internal import TestSupport
internal import Vault

/// Everything that two devices can do in a few steps: all orders of their writes and rounds, down to the
/// single request, and a crash before every effect. The store is honest and nothing is lost on the way, so
/// each of these runs has to end in agreement, without an alarm.
///
/// What a device is depends on its disk and on what the round that is under way was told, and nothing else:
/// no clock runs, and what is random follows from the disk. So a situation that was reached in another way
/// already is not gone into again.
package struct Explorer {
    /// What became of everything.
    package struct Result: Sendable {
        /// How many different situations there were.
        package var situations = 0
        /// How many of them were ends: nothing was under way, and nothing left to begin.
        package var ends = 0
        /// The first runs that end in what must never be, each with its way there.
        package var violations: [String] = []
    }

    fileprivate enum Action: CustomStringConvertible {
        case write(Int)
        case begin(Int)
        case step(Int)
        case crash(Int)

        var device: Int {
            switch self {
            case .write(let device), .begin(let device), .step(let device), .crash(let device): device
            }
        }

        var description: String {
            switch self {
            case .write(let device): "write \(device)"
            case .begin(let device): "round \(device)"
            case .step(let device): "step \(device)"
            case .crash(let device): "crash \(device)"
            }
        }
    }

    fileprivate struct Device {
        private(set) var disk: ModelDisk
        /// As it was before the newest commit.
        private var earlier: ModelDisk
        private(set) var machine: SyncMachine?
        private(set) var pending: [SyncEffect] = []
        private(set) var alarms: [SyncAlarm] = []
        /// Stands for the disk.
        private var diskMark: [UInt8]
        /// Stands for all that the round was told; empty when none is under way.
        private var roundMark: [UInt8] = []

        init(_ disk: ModelDisk) {
            (self.disk, earlier) = (disk, disk)
            diskMark = disk.mark
        }

        /// Two devices with equal marks go on alike.
        func mark(_ forgetsAtCrash: Bool) -> [UInt8] {
            diskMark + roundMark + [UInt8(clamping: alarms.count)] + (forgetsAtCrash ? earlier.mark : [])
        }

        mutating func write(_ change: RecordChange, now: Int64) -> ChangeBatch {
            let batch = disk.write(change, now: now)
            earlier = disk
            diskMark = disk.mark
            return batch
        }

        mutating func begin(_ request: SyncRequest, _ crypto: ModelCrypto) {
            var machine = SyncMachine(state: disk.state, membership: disk.roster, reader: crypto)
            pending = machine.step(.begin(request))
            self.machine = machine
            roundMark = Hash.digest(.sha256, diskMark)
        }

        mutating func crash(forgets: Bool) {
            if forgets {
                disk = earlier
                diskMark = disk.mark
            }
            end()
        }

        private mutating func end() {
            machine = nil
            pending = []
            roundMark = []
        }

        /// Performs the oldest effect that waits, and lets the machine know.
        mutating func step(_ store: inout ModelStore, _ crypto: ModelCrypto) {
            switch pending.removeFirst() {
            case .get(let token, let name, let etag, let limit):
                tell(token, store.get(name, unless: etag, limit: limit))
            case .put(let token, let name, let bytes, let condition):
                tell(token, store.put(name, bytes, condition, at: Node.now))
            case .delete(let token, let name):
                store.delete(name)
                tell(token, .absent)
            case .commit(let token, let changes):
                for case .raise(let alarm) in changes { alarms.append(alarm) }
                earlier = disk
                var random = SplitMix64(seed: diskMark.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
                let results = disk.commit(changes, crypto, &random)
                diskMark = disk.mark
                go(on: .committed(token, results), diskMark)
            case .find(let token, let places):
                let hashes = disk.hashes(places)
                go(on: .found(token, hashes), hashes.flatMap { $0 ?? [0] })
            case .finish: end()
            }
        }

        private mutating func tell(_ token: SyncToken, _ answer: RemoteAnswer) {
            let told: [UInt8] =
                switch answer {
                case .object(let bytes, let etag): [0] + Array(etag.text.utf8) + bytes
                case .stored(let etag): [1] + Array(etag.text.utf8)
                case .unchanged: [2]
                case .absent: [3]
                case .lost: [4]
                case .tooLong: [5]
                case .failed: [6]
                }
            go(on: .answer(token, answer), told)
        }

        /// - Parameter told: stands for the event.
        private mutating func go(on event: SyncEvent, _ told: [UInt8]) {
            roundMark = Hash.digest(.sha256, roundMark + told)
            pending += machine?.step(event) ?? []
        }
    }

    fileprivate struct Node {
        var devices: [Device]
        var store = ModelStore(limitsWrites: false)
        var values: [Int64]
        var written: Set<[UInt8]> = []
        var operations: Int
        var crashes = 1
        var way: [Action] = []

        static let now: Int64 = 1_800_000_000_000
    }

    private let crypto = ModelCrypto()
    private let forgetsAtCrash: Bool
    private var result = Result()
    private var known: Set<[UInt8]> = []
    private static let violationLimit = 5

    private init(forgetsAtCrash: Bool) { self.forgetsAtCrash = forgetsAtCrash }

    /// Tries everything.
    ///
    /// - Parameters:
    ///   - operations: writes and rounds, together.
    ///   - areAcquainted: the devices have synced before; otherwise the store is empty.
    ///   - forgetsAtCrash: a crash undoes the newest commit, as no disk may: shows that such a fault is
    ///     found.
    package static func run(
        operations: Int, areAcquainted: Bool, forgetsAtCrash: Bool = false
    ) -> Result {
        var explorer = Explorer(forgetsAtCrash: forgetsAtCrash)
        var root = Node(operations: operations)
        if areAcquainted {
            for device in [0, 1, 0] {
                root.write(device)
                root.wholeRound(device, explorer.crypto)
            }
            for device in [1, 0, 1, 0] { root.wholeRound(device, explorer.crypto) }
            root.operations = operations
        }
        explorer.explore(root)
        return explorer.result
    }

    private mutating func explore(_ node: Node) {
        guard result.violations.count < Self.violationLimit,
            known.insert(node.mark(forgetsAtCrash)).inserted
        else { return }
        result.situations += 1
        var isEnd = true
        for device in node.devices.indices {
            let isUnderWay = !node.devices[device].pending.isEmpty
            var actions: [Action] = []
            if isUnderWay { actions.append(.step(device)) }
            if isUnderWay && node.crashes > 0 { actions.append(.crash(device)) }
            if node.operations > 0 { actions.append(.write(device)) }
            if node.operations > 0 && !isUnderWay { actions.append(.begin(device)) }
            for action in actions {
                isEnd = false
                var next = node
                next.perform(action, crypto, forgetsAtCrash: forgetsAtCrash)
                explore(next)
            }
        }
        if isEnd { finish(node) }
    }

    /// Lets both devices sync, and looks at what they have.
    private mutating func finish(_ end: Node) {
        result.ends += 1
        var node = end
        for _ in 0..<2 {
            for device in node.devices.indices { node.wholeRound(device, looksAtAll: true, crypto) }
        }
        var wrong: [String] = []
        let disks = node.devices.map(\.disk)
        if disks.contains(where: { !node.written.isSubset(of: $0.contents) }) { wrong.append("lost writes") }
        if disks[0].contents != disks[1].contents { wrong.append("no agreement") }
        if disks[0].fold.root() != disks[1].fold.root() { wrong.append("roots differ") }
        wrong += disks.flatMap(\.foldMistakes)
        wrong += node.devices.flatMap(\.alarms).map { "\($0)" }
        if disks.contains(where: { $0.state.halt != nil || $0.hasUnsealed || !$0.state.outbox.isEmpty }) {
            wrong.append("something is stuck")
        }
        guard !wrong.isEmpty, result.violations.count < Self.violationLimit else { return }
        result.violations.append("\(end.way): \(wrong)")
    }
}

extension Explorer.Node {
    /// Two devices that have never met, and an empty store.
    init(operations: Int) {
        var random = SplitMix64(seed: 1)
        func bytes(_ count: Int) -> [UInt8] {
            (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        let ids = [bytes(16), bytes(16)].compactMap { DeviceID($0) }
        guard let vaultID = VaultID(bytes(32)) else { preconditionFailure("32 bytes name a vault") }
        let roster = ModelRoster(vaultID: vaultID, devices: ids)
        let devices = ids.map {
            Explorer.Device(
                ModelDisk(state: SyncState(author: Author(device: $0, incarnation: 0)), roster: roster))
        }
        self.init(devices: devices, values: ids.map { _ in 0 }, operations: operations)
    }

    /// Two situations with equal marks go on alike.
    func mark(_ forgetsAtCrash: Bool) -> [UInt8] {
        Hash.digest(
            .sha256,
            devices.flatMap { $0.mark(forgetsAtCrash) } + store.mark
                + [UInt8(operations), UInt8(crashes)])
    }

    mutating func perform(_ action: Explorer.Action, _ crypto: ModelCrypto, forgetsAtCrash: Bool) {
        way.append(action)
        switch action {
        case .write(let device): write(device)
        case .begin(let device): begin(device, looksAtAll: false, crypto)
        case .step(let device): devices[device].step(&store, crypto)
        case .crash(let device):
            crashes -= 1
            devices[device].crash(forgets: forgetsAtCrash)
        }
    }

    mutating func write(_ device: Int) {
        operations -= 1
        values[device] += 1
        let change = RecordChange(
            collection: 1, id: "task-\(values[device] % 2)", dot: devices[device].disk.nextDot,
            fields: [FieldChange(1, .integer(values[device] * 2 + Int64(device)))])
        written.insert(ModelDisk.identity(devices[device].write(change, now: Self.now)))
    }

    private mutating func begin(_ device: Int, looksAtAll: Bool, _ crypto: ModelCrypto) {
        operations -= 1
        devices[device].begin(
            SyncRequest(
                pulls: true, pushes: true, hasUnsealed: devices[device].disk.hasUnsealed,
                looksAtAll: looksAtAll, mayFound: true, now: Self.now),
            crypto)
    }

    mutating func wholeRound(_ device: Int, looksAtAll: Bool = false, _ crypto: ModelCrypto) {
        begin(device, looksAtAll: looksAtAll, crypto)
        while !devices[device].pending.isEmpty { devices[device].step(&store, crypto) }
    }
}

extension ModelDisk {
    /// 32 bytes that stand for everything on it.
    fileprivate var mark: [UInt8] {
        var writer = CanonicalWriter()
        writer.blob(state.encoded)
        for waiting in state.outbox {
            writer.raw(waiting.position.hash)
            writer.u8((waiting.isOffered ? 1 : 0) | (waiting.isSettled ? 2 : 0))
        }
        writer.u64(UInt64(log.count))
        for entry in log {
            writer.blob(Self.identity(entry.batch))
            writer.u64(entry.sealedIn?.sequence ?? 0)
        }
        for (_, applied) in segments {
            writer.u64(UInt64(applied.count))
            for segment in applied { writer.raw(segment.hash) }
        }
        writer.u64(heads)
        writer.u64(roster.sequence)
        writer.u8(needsRecord ? 1 : 0)
        return Hash.digest(.sha256, writer.bytes)
    }
}
