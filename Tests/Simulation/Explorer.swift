internal import KeyRing
internal import ObjectStorage
internal import Sync
internal import TestSupport
internal import Vault

/// Everything that two devices can do in a few steps: all orders of their writes and rounds, down to the
/// single request, and a crash before every effect. The store is honest and nothing is lost on the way, so
/// each of these runs has to end in agreement, without an alarm.
///
/// Steps of different devices that can't notice each other (all but requests for one name, of which one
/// writes) are tried in one order only.
package struct Explorer {
    /// What became of all runs.
    package struct Result: Sendable {
        package var runs = 0
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
        var disk: ModelDisk
        /// As it was before the newest commit.
        var earlier: ModelDisk
        var machine: SyncMachine?
        var pending: [SyncEffect] = []
        var alarms: [SyncAlarm] = []

        init(_ disk: ModelDisk) { (self.disk, earlier) = (disk, disk) }
    }

    fileprivate struct Node {
        var devices: [Device]
        var store = ModelStore()
        var random: SplitMix64
        var now: Int64 = 1_800_000_000_000
        var values: Int64 = 0
        var written: Set<[UInt8]> = []
        var operations: Int
        var crashes = 1
        var way: [Action] = []
        /// The device whose turn it was, and its request; nil for what only its disk notices.
        var last: (device: Int, request: (name: SyncName, writes: Bool)?)?
    }

    private let crypto = ModelCrypto()
    private let forgetsAtCrash: Bool
    private var result = Result()
    private static let violationLimit = 5

    private init(forgetsAtCrash: Bool) { self.forgetsAtCrash = forgetsAtCrash }

    /// Tries everything.
    ///
    /// - Parameters:
    ///   - operations: writes and rounds, together.
    ///   - areAcquainted: the devices have synced before; otherwise the store is empty.
    ///   - forgetsAtCrash: a crash undoes the newest commit, as no disk may: shows that such a fault is
    /// found.
    package static func run(
        operations: Int, areAcquainted: Bool, forgetsAtCrash: Bool = false
    ) -> Result {
        var explorer = Explorer(forgetsAtCrash: forgetsAtCrash)
        var root = explorer.root(operations)
        if areAcquainted {
            for device in [0, 1, 0] {
                root.apply(.write(device))
                explorer.wholeRound(device, &root)
            }
            for device in [1, 0, 1, 0] { explorer.wholeRound(device, &root) }
            root.operations = operations
            root.way = []
            root.last = nil
        }
        explorer.explore(root)
        return explorer.result
    }

    private func root(_ operations: Int) -> Node {
        var random = SplitMix64(seed: 1)
        func bytes(_ count: Int) -> [UInt8] {
            (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        let ids = [bytes(16), bytes(16)].compactMap { DeviceID($0) }
        guard let vaultID = VaultID(bytes(32)) else { preconditionFailure("32 bytes name a vault") }
        let roster = ModelRoster(vaultID: vaultID, devices: ids)
        let devices = ids.map {
            Device(ModelDisk(state: SyncState(author: Author(device: $0, incarnation: 0)), roster: roster))
        }
        return Node(devices: devices, random: random, operations: operations)
    }

    private mutating func explore(_ node: Node) {
        guard result.violations.count < Self.violationLimit else { return }
        var isEnd = true
        for device in node.devices.indices {
            let pending = node.devices[device].pending
            var actions: [Action] = []
            if !pending.isEmpty {
                isEnd = false
                actions.append(.step(device))
                if node.crashes > 0 { actions.append(.crash(device)) }
            }
            if node.operations > 0 {
                isEnd = false
                actions.append(.write(device))
                if pending.isEmpty { actions.append(.begin(device)) }
            }
            for action in actions where !node.hasOtherOrder(action) {
                var next = node
                perform(action, &next)
                explore(next)
            }
        }
        if isEnd { finish(node) }
    }

    private func perform(_ action: Action, _ node: inout Node) {
        node.last = (action.device, node.request(of: action))
        node.way.append(action)
        switch action {
        case .write: node.apply(action)
        case .begin(let device): begin(device, &node)
        case .step(let device): step(device, &node)
        case .crash(let device):
            node.crashes -= 1
            if forgetsAtCrash { node.devices[device].disk = node.devices[device].earlier }
            node.devices[device].machine = nil
            node.devices[device].pending = []
        }
    }

    private func begin(_ index: Int, looksAtAll: Bool = false, _ node: inout Node) {
        node.operations -= 1
        let disk = node.devices[index].disk
        var machine = SyncMachine(state: disk.state, membership: disk.roster, reader: crypto)
        let request = SyncRequest(
            pulls: true, pushes: true, hasUnsealed: disk.hasUnsealed, looksAtAll: looksAtAll, mayFound: true,
            now: node.now)
        node.devices[index].pending = machine.step(.begin(request))
        node.devices[index].machine = machine
    }

    /// Performs the oldest effect that waits, and lets the machine know.
    private func step(_ index: Int, _ node: inout Node) {
        let effect = node.devices[index].pending.removeFirst()
        let event: SyncEvent
        // Later than any limit of writes to one name.
        node.now += 2_000
        switch effect {
        case .get(let token, let name, let etag, let limit):
            event = .answer(token, node.store.get(name, unless: etag, limit: limit))
        case .put(let token, let name, let bytes, let condition):
            event = .answer(token, node.store.put(name, bytes, condition, at: node.now))
        case .delete(let token, let name):
            node.store.delete(name)
            event = .answer(token, .absent)
        case .commit(let token, let changes):
            for case .raise(let alarm) in changes { node.devices[index].alarms.append(alarm) }
            node.devices[index].earlier = node.devices[index].disk
            event = .committed(token, node.devices[index].disk.commit(changes, crypto, &node.random))
        case .find(let token, let places): event = .found(token, node.devices[index].disk.hashes(places))
        case .finish:
            node.devices[index].machine = nil
            return
        }
        if let effects = node.devices[index].machine?.step(event) {
            node.devices[index].pending += effects
        }
    }

    private func wholeRound(_ index: Int, looksAtAll: Bool = false, _ node: inout Node) {
        begin(index, looksAtAll: looksAtAll, &node)
        while !node.devices[index].pending.isEmpty { step(index, &node) }
    }

    /// Lets both devices sync, and looks at what they have.
    private mutating func finish(_ end: Node) {
        result.runs += 1
        var node = end
        for _ in 0..<2 {
            for device in node.devices.indices { wholeRound(device, looksAtAll: true, &node) }
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
    mutating func apply(_ action: Explorer.Action) {
        let index = action.device
        operations -= 1
        values += 1
        let change = RecordChange(
            collection: 1, id: "task-\(values % 2)", dot: devices[index].disk.nextDot,
            fields: [FieldChange(1, .integer(values))])
        let batch = devices[index].disk.write(change, now: now)
        devices[index].earlier = devices[index].disk
        written.insert(ModelDisk.identity(batch))
    }

    /// The request that an action makes; nil for what only the device itself notices.
    func request(of action: Explorer.Action) -> (name: SyncName, writes: Bool)? {
        guard case .step(let device) = action, let effect = devices[device].pending.first else { return nil }
        switch effect {
        case .get(_, let name, _, _): return (name, false)
        case .put(_, let name, _, _), .delete(_, let name): return (name, true)
        case .commit, .find, .finish: return nil
        }
    }

    /// Whether this and the action before give the same in the other order, which is tried as well.
    func hasOtherOrder(_ action: Explorer.Action) -> Bool {
        guard let last, action.device < last.device else { return false }
        guard let before = last.request, let now = request(of: action) else { return true }
        return before.name != now.name || !before.writes && !now.writes
    }
}
