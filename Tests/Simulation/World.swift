internal import Cryptography
internal import KeyRing
internal import ObjectStorage
internal import Sync
internal import TestSupport
internal import Vault

/// A run of several devices over one store, out of one seed: the same seed gives the same run, to the byte.
package struct World {
    private enum Event {
        /// A device looks for news and sends what it has.
        case round(Int, boot: Int)
        case write(Int)
        /// A request reaches the store.
        case arrive(Int, boot: Int, Request)
        /// An answer reaches the device.
        case answer(Int, boot: Int, SyncToken, RemoteAnswer)
        case restart(Int)
        case snapshot(Int)
        case rollBack(Int)
        case clone(Int)
        case freeze(Int)
        /// One device removes another.
        case remove(Int, Int)
        /// One device narrows or widens what another may write.
        case limit(Int, Int)
        /// A device begins a new epoch.
        case rotate(Int)
    }

    private struct Request {
        var token: SyncToken
        var name: SyncName
        var kind: Kind
        var isAnswered = true

        enum Kind {
            case get(ETag?, Int)
            case put([UInt8], PutCondition)
            case delete
        }
    }

    package let options: SimulationOptions
    private var random: SplitMix64
    private var now: Int64 = 1_800_000_000_000
    private let end: Int64
    private var queue = EventQueue<Event>()
    private(set) var store = ModelStore()
    let crypto: ModelCrypto
    private var writes: ModelWrites
    private(set) var devices: [SimulatedDevice] = []
    private var isFaulty = true
    private var isLying: Bool
    /// SHA-256 over everything that has happened.
    private var trace = [UInt8](repeating: 0, count: 32)
    private var values: Int64 = 0
    /// Operations that were acknowledged and must not get lost.
    private var acknowledged: Set<[UInt8]> = []
    private var written: Set<[UInt8]> = []
    /// Who wrote each operation, and when.
    private var origins: [[UInt8]: String] = [:]
    private var authors: [[UInt8]: DeviceID] = [:]
    /// Rounds that took more requests than they may.
    private var expensive: [String] = []
    /// A device that is shown the store as it was, for ever.
    private var frozen: (device: Int, store: ModelStore)?
    /// From which record on a removed device is not shown the roster.
    private var hidden: [DeviceID: UInt64] = [:]
    /// What left a device under an epoch that it knew to have ended.
    private var stale: [String] = []
    /// Whether to print what happens.
    package var prints = false

    package init(_ options: SimulationOptions) {
        self.options = options
        random = SplitMix64(seed: options.seed)
        crypto = ModelCrypto(isReal: options.isReal)
        writes = ModelWrites(seed: options.seed)
        end = now + options.duration
        isLying = options.lies > 0
        let ids = (0..<options.devices).map { _ in
            DeviceID((0..<16).map { _ in UInt8.random(in: 0...255, using: &random) })
        }.compactMap { $0 }
        guard let vaultID = VaultID((0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }) else {
            preconditionFailure("32 bytes name a vault")
        }
        let roster = ModelRoster(vaultID: vaultID, devices: ids)
        for id in ids {
            let state = SyncState(author: Author(device: id, incarnation: 0))
            var device = SimulatedDevice(disk: ModelDisk(state: state, roster: roster))
            if options.skew > 0 { device.skew = .random(in: -options.skew...options.skew, using: &random) }
            devices.append(device)
        }
        plan()
    }

    private mutating func plan() {
        for index in devices.indices { queue.add(.restart(index), at: now) }
        for _ in 0..<options.writes { queue.add(.write(anyDevice()), at: anyTime()) }
        for _ in 0..<options.rollbacks {
            let (device, a, b) = (anyDevice(), anyTime(), anyTime())
            queue.add(.snapshot(device), at: min(a, b))
            queue.add(.rollBack(device), at: max(a, b))
        }
        for _ in 0..<options.clones { queue.add(.clone(anyDevice()), at: anyTime()) }
        if options.freezes { queue.add(.freeze(anyDevice()), at: anyTime()) }
        planRecords()
    }

    /// By randomness of its own: it changes nothing of what else happens.
    private mutating func planRecords() {
        var random = SplitMix64(seed: options.seed ^ 0x4E40)
        for number in 0..<options.removals + options.limits {
            let author = Int.random(in: 0..<devices.count, using: &random)
            let subject = (author + Int.random(in: 1..<devices.count, using: &random)) % devices.count
            let event = number < options.removals ? Event.remove(author, subject) : .limit(author, subject)
            queue.add(event, at: .random(in: now...end, using: &random))
        }
        for _ in 0..<options.rotations {
            let author = Int.random(in: 0..<devices.count, using: &random)
            queue.add(.rotate(author), at: .random(in: now...end, using: &random))
        }
    }

    private mutating func anyDevice() -> Int { Int.random(in: 0..<devices.count, using: &random) }
    private mutating func anyTime() -> Int64 { Int64.random(in: now...end, using: &random) }
    private mutating func happens(_ perMille: Int) -> Bool {
        perMille > 0 && Int.random(in: 0..<1000, using: &random) < perMille
    }

    /// Runs to the end, heals, and looks at what came out.
    package mutating func run() -> SimulationOutcome {
        while let (time, event) = queue.next(), time <= end {
            now = time
            take(event)
        }
        now = max(now, end)
        let healed = heal()
        return SimulationOutcome(
            options: options, violations: violations(roundsToConverge: healed), trace: trace,
            roundsToConverge: healed)
    }

    private mutating func note(_ text: String) {
        if prints { print(text) }
        trace = Hash.digest(.sha256, trace + Array(text.utf8))
    }
}

extension World {
    private mutating func take(_ event: Event) {
        switch event {
        case .round(let index, let boot):
            guard devices[index].boot == boot else { return }
            begin(index)
        case .write(let index): write(index)
        case .arrive(let index, let boot, let request): arrive(index, boot, request)
        case .answer(let index, let boot, let token, let answer):
            guard devices[index].boot == boot, devices[index].machine != nil else { return }
            note("\(now) \(index) answer \(token.number)")
            feed(.answer(token, answer), to: index)
        case .restart(let index):
            guard devices[index].machine == nil else { return }
            start(index)
        case .snapshot(let index): devices[index].snapshot = devices[index].disk
        case .rollBack(let index):
            guard let snapshot = devices[index].snapshot else { return }
            note("\(now) \(index) rolled back")
            forget(devices[index].disk, of: index, but: snapshot)
            // What a person may ask about is no part of what is lost.
            let setAside = devices[index].disk.setAside
            devices[index].disk = snapshot
            devices[index].disk.setAside.formUnion(setAside)
            devices[index].machine = nil
            start(index)
        case .remove(let index, let subject): record(event, by: index, about: subject)
        case .limit(let index, let subject): record(event, by: index, about: subject)
        case .rotate(let index): record(event, by: index, about: nil)
        case .freeze(let index):
            note("\(now) \(index) is frozen")
            frozen = (index, store)
        case .clone(let index):
            note("\(now) \(index) cloned")
            var copy = devices[index]
            copy.machine = nil
            devices.append(copy)
            start(devices.count - 1)
        }
    }

    private mutating func start(_ index: Int) {
        let disk = devices[index].disk
        devices[index].boot += 1
        devices[index].isInRound = false
        devices[index].machine = SyncMachine(
            state: disk.state, membership: disk.roster, reader: crypto, checkpoints: options.checkpoints)
        note("\(now) \(index) starts")
        queue.add(.round(index, boot: devices[index].boot), at: now + .random(in: 0..<20_000, using: &random))
    }

    /// Between two rounds; one who may not, or can't now, lets it be.
    private mutating func record(_ event: Event, by index: Int, about subject: Int?) {
        let disk = devices[index].disk
        let author = disk.state.author.device
        let device = subject.map { devices[$0].disk.state.author.device } ?? author
        guard (subject == nil) == (device == author), disk.isMember(device), disk.isMember(author),
            !disk.needsRecord, disk.state.halt == nil
        else { return }
        guard !devices[index].isInRound, devices[index].machine != nil else {
            return queue.add(event, at: now + 700)
        }
        note("\(now) \(index) \(event)")
        switch event {
        case .limit: devices[index].disk.limit(device)
        case .rotate: devices[index].disk.rotate()
        default:
            devices[index].disk.remove(device)
            if options.hidesRemovals { hidden[device] = devices[index].disk.roster.sequence }
        }
        let longer = devices[index].disk
        devices[index].machine = SyncMachine(
            state: longer.state, membership: longer.roster, reader: crypto, checkpoints: options.checkpoints)
    }

    private mutating func die(_ index: Int) {
        note("\(now) \(index) dies")
        devices[index].machine = nil
        devices[index].boot += 1
        queue.add(.restart(index), at: now + .random(in: 1..<20_000, using: &random))
    }

    private mutating func write(_ index: Int) {
        values += 1
        let id = "task-\(Int.random(in: 0..<6, using: &random))"
        let field = UInt32.random(in: 1...3, using: &random)
        let change = writes.change(id: id, field: field, value: values, on: devices[index].disk)
        guard !devices[index].disk.roster.forbids(change, by: devices[index].disk.state.author.device) else {
            return
        }
        let batch = devices[index].disk.write(change, now: writes.time(now + devices[index].skew))
        devices[index].disk.logLines += 1
        acknowledged.insert(ModelDisk.identity(batch))
        written.insert(ModelDisk.identity(batch))
        authors[ModelDisk.identity(batch)] = devices[index].disk.state.author.device
        origins[ModelDisk.identity(batch)] = "\(index) at \(now)"
        note("\(now) \(index) writes \(id) \(field)")
    }

    /// What was on one disk alone is gone with it.
    private mutating func forget(_ disk: ModelDisk, of index: Int, but snapshot: ModelDisk) {
        let kept = devices.indices.filter { $0 != index }.map { devices[$0].disk.contents }
        let known = kept.reduce(snapshot.contents) { $0.union($1) }
        for entry in disk.log {
            let identity = ModelDisk.identity(entry.batch)
            guard !known.contains(identity), !isStored(entry, of: disk) else { continue }
            acknowledged.remove(identity)
        }
    }

    /// Whether the store has the segment in which an operation went out.
    private func isStored(_ entry: ModelDisk.Entry, of disk: ModelDisk) -> Bool {
        guard let place = entry.sealedIn, let object = store.objects[.segment(place.lane, place.sequence)],
            let segments = disk.segments[place.lane], segments.indices.contains(Int(place.sequence) - 1)
        else { return false }
        return segments[Int(place.sequence) - 1].hash
            == Hash.digest(.sha256, Array(object.bytes.prefix(ObjectHeader.count)))
    }

    /// A round, and another one some time later.
    private mutating func begin(_ index: Int) {
        let boot = devices[index].boot
        queue.add(.round(index, boot: boot), at: now + .random(in: 1_000..<60_000, using: &random))
        guard !devices[index].isInRound, !devices[index].isStopped else { return }
        if devices[index].disk.state.halt?.endsByItself == true {
            devices[index].disk.reincarnate(UInt32.random(in: 1...UInt32.max, using: &random))
            let disk = devices[index].disk
            devices[index].machine = SyncMachine(
                state: disk.state, membership: disk.roster, reader: crypto, checkpoints: options.checkpoints)
            note("\(now) \(index) takes a new life")
        }
        devices[index].isInRound = true
        devices[index].cost = RoundCost()
        devices[index].disk.dropForbidden()
        let disk = devices[index].disk
        var request = SyncRequest(
            pulls: true, pushes: !disk.needsRecord, hasUnsealed: disk.hasUnsealed,
            looksAtAll: disk.needsRecord, mayFound: true, now: now + devices[index].skew)
        request.hasLogs = options.hasLogs && disk.hasLogs(now: now + devices[index].skew)
        feed(.begin(request), to: index)
    }

    /// Gives a machine an event and does what it wants done. The device may die before and after each effect.
    private mutating func feed(_ event: SyncEvent, to index: Int) {
        var events = [event]
        while !events.isEmpty {
            guard var machine = devices[index].machine else { return }
            let effects = machine.step(events.removeFirst())
            devices[index].machine = machine
            for effect in effects {
                if isFaulty, happens(options.crashes) { return die(index) }
                if let next = perform(effect, index) { events.append(next) }
                if isFaulty, happens(options.crashes) { return die(index) }
            }
        }
    }

    private mutating func perform(_ effect: SyncEffect, _ index: Int) -> SyncEvent? {
        switch effect {
        case .get(let token, let name, let etag, let limit):
            send(Request(token: token, name: name, kind: .get(etag, limit)), index)
        case .put(let token, let name, let bytes, let condition):
            send(Request(token: token, name: name, kind: .put(bytes, condition)), index)
        case .delete(let token, let name):
            send(Request(token: token, name: name, kind: .delete), index)
        case .commit(let token, let changes):
            note("\(now) \(index) commits \(changes.map(\.brief))")
            noteStale(changes, index)
            for change in changes {
                if case .raise(let alarm) = change { devices[index].alarms.append(alarm) }
                if case .seeHead = change { devices[index].cost.newHeads += 1 }
                if case .rang = change { devices[index].cost.hasFoundBellRung = true }
                if case .lookedAtAll = change, !isFaulty, !isLying { devices[index].hasLooked = true }
            }
            return .committed(token, devices[index].disk.commit(changes, crypto, &random))
        case .find(let token, let places):
            return .found(token, devices[index].disk.hashes(places))
        case .finish(let report): finish(index, report)
        }
        return nil
    }

    /// What is offered for the first time has to be sealed under the newest epoch that its author knows.
    private mutating func noteStale(_ changes: [SyncChange], _ index: Int) {
        let disk = devices[index].disk
        for change in changes {
            if case .offer(let ends) = change {
                for segment in disk.state.outbox
                where !segment.isOffered && ends[segment.lane] ?? 0 >= segment.position.sequence
                    && segment.epoch != disk.roster.epoch
                {
                    stale.append("\(segment.lane)/\(segment.position.sequence) under \(segment.epoch)")
                }
            }
            if case .offerLog(let number) = change {
                for log in disk.state.logs.outbox
                where log.position.sequence == number && log.epoch != disk.roster.epoch {
                    stale.append("log \(number) of \(disk.state.author) under \(log.epoch)")
                }
            }
        }
    }

    private mutating func finish(_ index: Int, _ report: SyncReport) {
        devices[index].report = report
        devices[index].isInRound = false
        note(
            "\(now) \(index) finished \(report.pushedSegments) \(report.pulledSegments) "
                + "\(report.failure?.message ?? "")")
        let cost = devices[index].cost
        if options.isFaultless, !cost.isLook, cost.requests > cost.limit(report) {
            expensive.append("\(cost.requests) requests of \(index) at \(now), of \(cost.limit(report))")
        }
        let disk = devices[index].disk
        guard disk.needsRecord, report.failure == nil, disk.state.halt == nil, report.alarms.isEmpty else {
            return
        }
        // Everything that the former life has in the remote is here: now it can be ended.
        devices[index].disk.recordNewLife()
        devices[index].hasLooked = false
        let longer = devices[index].disk
        devices[index].machine = SyncMachine(
            state: longer.state, membership: longer.roster, reader: crypto, checkpoints: options.checkpoints)
    }

    private mutating func send(_ request: Request, _ index: Int) {
        devices[index].cost.requests += 1
        if case .put = request.kind { devices[index].cost.puts += 1 }
        if case .genesis = request.name { devices[index].cost.isLook = true }
        let boot = devices[index].boot
        let there = now + .random(in: 5..<200, using: &random)
        let timeout = now + 30_000
        let failure = Event.answer(index, boot: boot, request.token, .failed(.remoteUnreachable, "timeout"))
        var silent = request
        silent.isAnswered = false
        if isFaulty, happens(options.lostBefore) { return queue.add(failure, at: timeout) }
        if isFaulty, happens(options.lostAfter) {
            queue.add(.arrive(index, boot: boot, silent), at: there)
            return queue.add(failure, at: timeout)
        }
        if isFaulty, happens(options.late) {
            queue.add(
                .arrive(index, boot: boot, silent), at: timeout + .random(in: 0..<120_000, using: &random))
            return queue.add(failure, at: timeout)
        }
        if isFaulty, happens(options.doubled) {
            queue.add(.arrive(index, boot: boot, silent), at: there + .random(in: 0..<2_000, using: &random))
        }
        queue.add(.arrive(index, boot: boot, request), at: there)
    }

    private mutating func arrive(_ index: Int, _ boot: Int, _ request: Request) {
        var answer: RemoteAnswer
        switch request.kind {
        case .get(let etag, let limit):
            let shown = frozen.map { $0.device == index ? $0.store : store } ?? store
            answer = shown.get(request.name, unless: etag, limit: limit)
            if case .record(let number) = request.name,
                let first = hidden[devices[index].disk.state.author.device], number >= first
            {
                answer = .absent
            }
            if isLying, happens(options.lies), let lie = Adversary.Lie.allCases.randomElement(using: &random)
            {
                answer = Adversary().answer(
                    lie, request.name, honest: answer, store: store, limit: limit, &random)
            }
        case .put(let bytes, let condition): answer = store.put(request.name, bytes, condition, at: now)
        case .delete:
            store.delete(request.name)
            answer = .absent
        }
        if case .lost = answer { devices[index].cost.lost += 1 }
        if case .bell = request.name, case .absent = answer { devices[index].cost.isLook = true }
        note("\(now) \(index) \(request.name) \(answer.brief)")
        guard request.isAnswered else { return }
        let back = now + .random(in: 5..<200, using: &random)
        queue.add(.answer(index, boot: boot, request.token, answer), at: back)
    }
}

extension World {
    /// How many rounds a device may need once nothing goes wrong any more.
    static let healingRounds = 12

    /// Ends the faults, and lets all devices run rounds until they agree.
    ///
    /// - Returns: after how many rounds of each; nil when they don't within the limit.
    private mutating func heal() -> Int? {
        isFaulty = false
        if !options.liesToTheEnd {
            isLying = false
            frozen = nil
        }
        queue = EventQueue()
        for round in 1...Self.healingRounds {
            // Of two records the second may have been given up: then its subject is a member as before.
            let roster = settledRoster
            hidden = hidden.filter { roster.life(of: $0.key) == nil }
            // Who lies to the end shall not be able to by silence: heads grow old. Others look at everything,
            // at first, and again when they have agreed or should have: what a former life was not seen to
            // have sent comes to light by that.
            let pause = round == 1 || round > 6 ? SyncMachine.lookInterval : Int64(round) * 70_000
            now += options.liesToTheEnd ? 3 * 86_400_000 : pause
            for index in devices.indices {
                if devices[index].machine == nil { start(index) }
                devices[index].isInRound = false
                queue.add(.round(index, boot: devices[index].boot), at: now + Int64(index) * 5_000)
            }
            let limit = now + 69_000
            while let (time, event) = queue.next() {
                if time > limit { continue }
                if case .round = event, devices.allSatisfy({ $0.isInRound == false }), time > now + 60_000 {
                    continue
                }
                now = max(now, time)
                take(event)
            }
            if isSettled { return round }
        }
        return nil
    }

    /// Those whose state counts: members that no person has to decide about.
    private var alive: [SimulatedDevice] {
        let roster = settledRoster
        return devices.filter {
            !$0.isStopped && (options.removals == 0 || roster.life(of: $0.disk.state.author.device) != nil)
        }
    }

    /// The roster that the store has.
    private var settledRoster: ModelRoster {
        var roster = devices[0].disk.roster.cut(before: 1)
        while let object = store.objects[.record(roster.sequence + 1)],
            let longer = roster.adding(object.bytes)
        {
            roster = longer
        }
        return roster
    }

    private var isSettled: Bool {
        let alive = alive
        guard alive.allSatisfy({ !$0.disk.hasUnsealed && $0.disk.state.halt == nil && !$0.disk.needsRecord })
        else {
            return false
        }
        guard options.liesToTheEnd || alive.allSatisfy(\.hasLooked) else { return false }
        if options.removals + options.limits + options.rotations > 0, !options.liesToTheEnd {
            let newest = settledRoster.sequence
            guard alive.allSatisfy({ $0.disk.roster.sequence == newest }) else { return false }
        }
        return alive.dropFirst().allSatisfy { $0.disk.contents == alive[0].disk.contents }
    }
}

/// How a run ended.
package struct SimulationOutcome: Sendable {
    package let options: SimulationOptions
    /// What must never be, and was.
    package let violations: [String]
    package let trace: [UInt8]
    package let roundsToConverge: Int?
}

extension World {
    private func violations(roundsToConverge: Int?) -> [String] {
        var found: [String] = []
        if crypto.repeatedNonces > 0 { found.append("a nonce came twice under one key") }
        found += expensive
        // Who has the same operations has made the same of them, and what the specification says.
        for (index, device) in devices.enumerated() {
            found += device.disk.foldMistakes.map { "device \(index) is wrong about \($0)" }
        }
        found += logMistakes
        found += stale.map { "it left although its author knew of a newer epoch: \($0)" }
        if roundsToConverge == nil {
            if options.liesToTheEnd {
                // Different states are allowed to those only who know that something is wrong.
                let unaware = alive.filter { !$0.isAware }
                if Set(unaware.map(\.disk.contents)).count > 1 { found.append("devices differ in silence") }
            } else {
                found.append("no convergence within \(Self.healingRounds) rounds: \(summary)")
            }
        } else {
            let stopped = devices.filter(\.isStopped).map(\.disk.contents).reduce(Set()) { $0.union($1) }
            let kept = alive.first?.disk.contents ?? []
            // What a former life has sent above its end only the device itself can write again. It can't as
            // long as the remote hides that from it, but then it knows that something is wrong; and not
            // before a person has decided, where it has stopped.
            let unable = alive.filter { options.liesToTheEnd && $0.isAware }
            let waiting = devices.filter(\.isStopped).map(\.disk.state.author.device).filter { device in
                !alive.contains { $0.disk.state.author.device == device }
            }
            let excused = Set(unable.map(\.disk.state.author.device) + waiting)
            let setAside = devices.map(\.disk.setAside).reduce(Set()) { $0.union($1) }
            let gone = acknowledged.subtracting(kept).subtracting(stopped).subtracting(setAside)
            let lost = gone.filter { identity in
                authors[identity].map { !excused.contains($0) && !isRemoved($0) } ?? true
            }
            if !lost.isEmpty {
                let whose = lost.compactMap { origins[$0] }.sorted()
                found.append("\(lost.count) acknowledged operations are lost, of \(whose): \(summary)")
            }
            if Set(alive.map { $0.disk.fold.root() }).count > 1 { found.append("state roots differ") }
            let void = kept.filter { authors[$0].map(isRemoved) ?? false }.subtracting(counting)
            if !void.isEmpty { found.append("\(void.count) operations count above a pin: \(summary)") }
            let strange = kept.subtracting(written)
            if !strange.isEmpty { found.append("\(strange.count) operations were written by nobody") }
        }
        return found
    }

    private func isRemoved(_ device: DeviceID) -> Bool {
        options.removals > 0 && settledRoster.life(of: device) == nil
    }

    /// The operations of removed devices in segments that no pin cuts off.
    private var counting: Set<[UInt8]> {
        let roster = settledRoster
        var found: Set<[UInt8]> = []
        for (name, versions) in store.versions {
            guard case .segment(let lane, let number) = name, number <= roster.pin(of: lane)?.sequence ?? 0
            else { continue }
            for version in versions {
                do throws(SyncError) {
                    let object = try SignedObject(version.bytes, name: "s")
                    let plain = try PaddedBody.decode(crypto.open(object, name: "s"), name: "s")
                    let batches = try OpBatch.decode(plain, by: lane.author, name: "s")
                    found.formUnion(batches.map(ModelDisk.identity))
                } catch { continue }
            }
        }
        return found
    }

    private var summary: String {
        let everywhere = alive.map(\.disk.contents).reduce(alive.first?.disk.contents ?? []) {
            $0.intersection($1)
        }
        return devices.map { device in
            let state = device.disk.state
            let extra = device.disk.log.filter { !everywhere.contains(ModelDisk.identity($0.batch)) }
            return "\(state.author) has \(device.disk.contents.count) unsealed \(device.disk.hasUnsealed) "
                + "halt \(String(describing: state.halt)) needs \(device.disk.needsRecord) "
                + "failure \(device.report?.failure?.message ?? "-") alarms \(device.alarms.suffix(2)) "
                + "alone has \(extra.compactMap(\.sealedIn).map { "\($0.lane)/\($0.sequence)" }) "
                + "at \(state.positions.map { "\($0.key)=\($0.value.sequence)" })"
        }.joined(separator: "; ")
    }
}

extension RemoteAnswer {
    fileprivate var brief: String {
        if case .object(let bytes, let etag) = self { return "\(bytes.count) bytes \(etag)" }
        return "\(self)"
    }
}

extension SyncChange {
    fileprivate var brief: String {
        switch self {
        case .extendRoster: "extendRoster"
        case .replaceRecords(let first, _): "replaceRecords \(first)"
        case .apply(let seen, _): "apply \(seen.lane) \(seen.position.sequence)"
        case .draftHead: "draftHead"
        case .sealBell: "sealBell"
        // The roots in them are a dictionary, whose order differs from run to run.
        case .knowCheckpoint(let mark): "knowCheckpoint \(mark.id)"
        case .loadCheckpoint(let mark, _): "loadCheckpoint \(mark.id)"
        case .settleCheckpoint(let mark): "settleCheckpoint \(mark.id)"
        case .seeHead(let author, let mark): "seeHead \(author) \(mark.position.sequence)"
        default: "\(self)"
        }
    }
}
