public import ObjectStorage
public import Vault

/// A segment in its final bytes that waits until it is known to be in the remote.
public struct OutboxSegment: Sendable, Hashable {
    /// Its lane.
    public let lane: Lane
    /// Its number and hash.
    public let position: Position
    /// What is sent, again and again the same.
    public let bytes: [UInt8]
    /// Whether it may have left this machine.
    public internal(set) var isOffered = false
    /// Whether it is known to be in the remote, and waits for those before it.
    public internal(set) var isSettled = false

    /// The epoch under which it is sealed.
    public var epoch: UInt32 { ObjectHeader.epoch(of: bytes) }

    /// A sealed segment.
    public init(lane: Lane, position: Position, bytes: [UInt8]) {
        self.lane = lane
        self.position = position
        self.bytes = bytes
    }
}

/// An own head in its final bytes.
public struct OutboxHead: Sendable, Hashable {
    /// Its number and hash.
    public let position: Position
    /// What is sent.
    public let bytes: [UInt8]
    /// What it says.
    public let body: HeadBody
    /// Milliseconds since 1970.
    public let issuedAt: UInt64

    /// A sealed head.
    public init(position: Position, bytes: [UInt8], body: HeadBody, issuedAt: UInt64) {
        self.position = position
        self.bytes = bytes
        self.body = body
        self.issuedAt = issuedAt
    }
}

/// A log object in its final bytes that waits until it is known to be in the remote.
public struct OutboxLog: Sendable, Hashable {
    /// Its number and hash.
    public let position: Position
    /// The day in its name.
    public let day: LogDay
    /// What is sent, again and again the same.
    public let bytes: [UInt8]
    /// The epoch under which it is sealed.
    public var epoch: UInt32 { ObjectHeader.epoch(of: bytes) }

    /// A sealed log object.
    public init(position: Position, day: LogDay, bytes: [UInt8]) {
        self.position = position
        self.day = day
        self.bytes = bytes
    }
}

/// What a device remembers of its own log objects, in its present life.
public struct OwnLogs: Sendable, Equatable {
    /// Those that are known to be in the remote and were not allowed to expire.
    public internal(set) var range = LogRange.none
    /// Those that may not be there yet, in their order.
    public internal(set) var outbox: [OutboxLog] = []
    /// When some were last sealed, in milliseconds since 1970; 0: never.
    public internal(set) var sealedAt: Int64 = 0
    /// The number of the last one that may have left this machine.
    public internal(set) var offered: UInt64 = 0

    /// The newest one that was sealed.
    public var last: Position { outbox.last?.position ?? range.last }
    /// The day of the newest one.
    var lastDay: LogDay? { outbox.last?.day ?? range.days.last?.day }

    mutating func apply(_ change: SyncChange, _ result: CommitResult?) {
        if case .sealLogs(let now) = change, case .logs(let sealed) = result {
            outbox += sealed
            sealedAt = now
        }
        if case .offerLog(let sequence) = change { offered = sequence }
        if case .settleLog = change, !outbox.isEmpty {
            let log = outbox.removeFirst()
            range = range.adding(log.position, on: log.day)
        }
    }

    /// Takes back what was sealed under an epoch that has ended, from the first on that never left.
    mutating func unseal(before epoch: UInt32) {
        let first = outbox.firstIndex { $0.position.sequence > offered && $0.epoch < epoch }
        outbox.removeSubrange((first ?? outbox.endIndex)...)
    }

    /// What a head that was published lets go of stays gone.
    mutating func letGo(as head: OutboxHead?) {
        if let head { range = range.dropping(before: head.body.logs.oldest) }
    }
}

/// What is remembered of somebody's newest head.
public struct HeadMark: Sendable, Hashable {
    /// Its number and hash.
    public let position: Position
    /// What it says of times.
    public let times: HeadTimes
    /// The checkpoints that its author stands for.
    public let attested: [HeadBody.Attestation]

    /// The log objects of its author that must be in the remote.
    public let logs: LogRange

    /// A head that was seen.
    public init(
        position: Position, times: HeadTimes, attested: [HeadBody.Attestation] = [], logs: LogRange = .none
    ) {
        self.position = position
        self.times = times
        self.attested = attested
        self.logs = logs
    }
}

/// Everything that a device remembers of syncing with one remote. Durable: the store keeps it in the same
/// transactions as the records that it speaks of.
public struct SyncState: Sendable, Equatable {
    /// This device's present life.
    public internal(set) var author: Author
    /// The life before, as long as the record of the present one is not in the roster.
    public internal(set) var formerLife: UInt32?
    /// Whether the remote was seen to hold this vault.
    public internal(set) var isAttached = false
    /// The newest roster record that the remote is known to hold.
    public internal(set) var sentRecord: UInt64 = 0
    /// How far each lane is applied; of own lanes, how far they are sealed.
    public internal(set) var positions = SortedMap<Lane, Position>()
    /// How far own lanes are known to be in the remote.
    public internal(set) var settled = SortedMap<Lane, Position>()
    /// Segments that may not be in the remote yet, by lane and number.
    public internal(set) var outbox: [OutboxSegment] = []
    /// Own log objects.
    public internal(set) var logs = OwnLogs()
    /// The newest own head that is in the remote, and its version there.
    public internal(set) var head: OutboxHead?
    /// How the remote calls it.
    public internal(set) var headETag: ETag?
    /// An own head that may not be in the remote yet.
    public internal(set) var pendingHead: OutboxHead?
    /// The newest heads of others.
    public internal(set) var heads = SortedMap<Author, HeadMark>()
    /// How far lanes of former lives of this device were looked at above their ends.
    public internal(set) var reissued = SortedMap<Lane, UInt64>()
    /// The bell whose announcements are all applied.
    public internal(set) var bellETag: ETag?
    /// Whether something was sent that the bell may not announce yet.
    public internal(set) var owesBell = false
    /// When all heads were last looked at, in milliseconds since 1970; 0: never.
    public internal(set) var lookedAtAll: Int64 = 0
    /// When the remote first showed an own head that is too old.
    public internal(set) var suspectSince: Int64?
    /// The checkpoints that are known, in the order in which they became so.
    public internal(set) var checkpoints: [CheckpointMark] = []
    /// How far the segments of each lane were removed from the remote by this device.
    public internal(set) var floors = SortedMap<Lane, UInt64>()
    /// An own checkpoint that is not known to be whole in the remote.
    public internal(set) var unfinished: CheckpointPlace?
    /// What is wrong, in the order of its discovery; each once.
    public internal(set) var alarms: [SyncAlarm] = []
    /// Why this device sends nothing, if so.
    public internal(set) var halt: Halt?

    /// What keeps a device from sending.
    public enum Halt: Sendable, Hashable {
        /// Its numbers were used by another copy of it, or by itself before it was restored: it goes on in a
        /// new life.
        case copied
        /// Another copy of it has taken a new life: a person has to say which of them goes on.
        case replaced
        /// Its life was ended when it got a narrower role: it goes on in a new one.
        case ended

        /// Whether it goes on in a new life by itself.
        package var endsByItself: Bool { self != .replaced }
    }

    /// A device that has never spoken with the remote.
    public init(author: Author) { self.author = author }

    /// How far everything is applied here that others may rely on.
    public var observed: [Observation] {
        positions.compactMap { pair in
            let lane = pair.key
            let position = lane.author == author ? settled[lane] ?? .start : pair.value
            return position.sequence == 0 ? nil : Observation(lane: lane, position: position)
        }
    }

    /// Makes a change that the store has made durable.
    public mutating func apply(_ change: SyncChange, _ result: CommitResult?) {
        switch change {
        case .attach: isAttached = true
        case .sent(let record): sentRecord = max(sentRecord, record)
        case .announce: owesBell = true
        case .extendRoster:
            guard case .membership(let membership) = result else { return }
            // What came from the remote need not be brought there.
            sentRecord = max(sentRecord, membership.sequence)
            adopt(membership)
        case .replaceRecords(let first, let records):
            guard case .membership(let membership) = result else { return }
            for (sequence, record) in zip(first..., records) where membership.record(sequence) == record {
                sentRecord = max(sentRecord, sequence)
            }
            adopt(membership)
        case .apply(let seen, _): positions[seen.lane] = seen.position
        case .reissue(let place, _): reissued[place.lane] = place.sequence
        case .seal:
            guard case .sealed(let segments) = result else { return }
            outbox += segments
            for segment in segments { positions[segment.lane] = segment.position }
        case .sealLogs, .offerLog, .settleLog: logs.apply(change, result)
        case .offer(let numbers):
            for index in outbox.indices
            where numbers[outbox[index].lane] ?? 0 >= outbox[index].position.sequence {
                outbox[index].isOffered = true
            }
        case .settle(let lane, let sequence): settle(lane, sequence)
        case .draftHead:
            if case .head(let head) = result { pendingHead = head }
        case .settleHead(let etag):
            head = pendingHead ?? head
            logs.letGo(as: head)
            pendingHead = nil
            headETag = etag
            owesBell = true
        case .knowHead(let etag): headETag = etag
        case .loseHead: headETag = nil
        case .seeHead(let author, let mark): heads[author] = mark
        case .sealBell, .setAside: break
        case .rang: owesBell = false
        case .heard(let etag): bellETag = etag
        case .lookedAtAll(let time): lookedAtAll = time
        case .suspect(let time): suspectSince = time
        case .raise(let alarm):
            if !alarms.contains(alarm) { alarms.append(alarm) }
        case .halt(let halt): self.halt = halt
        case .knowCheckpoint(let mark): know(mark)
        case .judgeCheckpoint(let id, let verdict): judge(id, verdict)
        case .loadCheckpoint(let mark, _):
            for seen in mark.body.vector where seen.position.sequence > positions[seen.lane]?.sequence ?? 0 {
                positions[seen.lane] = seen.position
            }
            // Its own word is no proof of it.
            judge(mark.id, .unknown)
        case .attest(let id):
            if case .judged(let verdict) = result { judge(id, verdict) }
        case .draftCheckpoint:
            guard case .checkpoint(let draft) = result else { return }
            unfinished = CheckpointPlace(id: draft.mark.id, chunks: draft.chunks.count)
        case .settleCheckpoint(let mark):
            unfinished = nil
            know(mark)
        case .collected(let lane, let end): floors[lane] = end
        case .clearedCheckpoint(let id):
            checkpoints.removeAll { $0.id == id }
            if unfinished?.id == id { unfinished = nil }
        }
    }

    private mutating func know(_ mark: CheckpointMark) {
        guard !checkpoints.contains(where: { $0.id == mark.id }) else { return }
        checkpoints.append(mark)
    }

    private mutating func judge(_ id: CheckpointID, _ verdict: CheckpointMark.Verdict) {
        for index in checkpoints.indices where checkpoints[index].id == id {
            checkpoints[index].verdict = verdict
        }
    }

    /// The newest checkpoints that this device stands for.
    var attested: [HeadBody.Attestation] {
        checkpoints.filter { $0.verdict == .attested }.suffix(HeadBody.attestationLimit).map(\.attestation)
    }

    /// Marks a segment, and lets go of those up to the first that is not settled: what others are told must
    /// have no gap.
    private mutating func settle(_ lane: Lane, _ sequence: UInt64) {
        for index in outbox.indices where outbox[index].lane == lane {
            if outbox[index].position.sequence == sequence { outbox[index].isSettled = true }
        }
        while let index = outbox.firstIndex(where: { $0.lane == lane }), outbox[index].isSettled {
            settled[lane] = outbox.remove(at: index).position
        }
    }

    /// Lanes that a new roster has ended go back to their pins; the store takes back what stood above them.
    ///
    /// A new life of this device that it did not take itself is a copy's: from here it sends nothing.
    package mutating func adopt(_ membership: any Membership) {
        let life = membership.life(of: author.device)
        if life == author.incarnation {
            formerLife = nil
        } else if life != formerLife {
            halt = .replaced
        }
        // Before the pins, which may stand below what is settled.
        unseal(before: membership.epoch)
        for (lane, position) in positions {
            guard let pin = membership.pin(of: lane), position.sequence > pin.sequence else { continue }
            positions[lane] = pin
        }
        // A narrower role has ended this life; what it had sent too late is written again in the next.
        let isEnded = SyncStream.all.contains {
            membership.pin(of: Lane(author: author, stream: $0)) != nil
        }
        if halt == nil, isEnded, membership.mayWrite(author.device) { halt = .ended }
        // What says more than counts is no way to the state that others have.
        for index in checkpoints.indices where checkpoints[index].exceeds(membership) {
            checkpoints[index].verdict = .refused
        }
    }

    /// What was sealed under an epoch that has ended goes back to be sealed under the present one, from the
    /// first segment of each lane on that never left this machine: a member that was removed has the old
    /// epoch. The store does the same with its rows.
    private mutating func unseal(before epoch: UInt32) {
        logs.unseal(before: epoch)
        for stream in SyncStream.all {
            let lane = Lane(author: author, stream: stream)
            let first = outbox.first { $0.lane == lane && !$0.isOffered && $0.epoch < epoch }
            guard let first else { continue }
            outbox.removeAll { $0.lane == lane && $0.position.sequence >= first.position.sequence }
            positions[lane] = outbox.last { $0.lane == lane }?.position ?? settled[lane] ?? .start
        }
    }

    /// The state after this device took a new life: what it had sealed and not settled goes back to the
    /// change log and is sealed anew, and its former lanes are followed like those of others.
    public mutating func reincarnate(as newAuthor: Author) {
        for (lane, _) in positions where lane.author == author {
            let end = settled[lane] ?? .start
            if positions[lane]?.sequence ?? 0 > end.sequence { positions[lane] = end }
        }
        formerLife = formerLife ?? author.incarnation
        author = newAuthor
        outbox = []
        logs = OwnLogs()
        settled = SortedMap()
        head = nil
        headETag = nil
        pendingHead = nil
        bellETag = nil
        suspectSince = nil
        halt = nil
    }

    /// The state after a person decided that this copy goes on and not the one that has begun `life`: that
    /// life's lanes are followed to their end before the record of the new one ends them.
    public mutating func takeOver(_ life: UInt32, as newAuthor: Author) {
        reincarnate(as: newAuthor)
        formerLife = life
    }
}
