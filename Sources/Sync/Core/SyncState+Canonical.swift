internal import Cryptography
internal import KeyRing
internal import ObjectStorage
public import Vault

/// How a state is kept: canonical bytes of everything but the segments that wait, which are rows of their
/// own. They stay inside the encrypted database and are no format for others.
extension SyncState {
    private static let version: UInt8 = 5

    /// The bytes to keep.
    public var encoded: [UInt8] {
        var writer = CanonicalWriter()
        writer.u8(Self.version)
        author.encode(into: &writer)
        writer.list(formerLife.map { [$0] } ?? []) { $1.u32($0) }
        writer.u8(isAttached ? 1 : 0)
        writer.u64(sentRecord)
        writer.list(positions) { $1.place($0.key, $0.value) }
        writer.list(settled) { $1.place($0.key, $0.value) }
        writer.list(head.map { [$0] } ?? []) { $1.head($0) }
        writer.string(headETag?.text ?? "")
        writer.list(pendingHead.map { [$0] } ?? []) { $1.head($0) }
        writer.list(heads) { pair, writer in
            pair.key.encode(into: &writer)
            writer.u64(pair.value.position.sequence)
            writer.raw(pair.value.position.hash)
            writer.raw(pair.value.times.link)
            writer.list(pair.value.attested) { attestation, writer in
                writer.raw(attestation.checkpoint)
                writer.raw(attestation.stateRoot)
            }
            pair.value.logs.encode(into: &writer)
        }
        writer.string(bellETag?.text ?? "")
        writer.u8(owesBell ? 1 : 0)
        writer.u64(UInt64(clamping: lookedAtAll))
        writer.u64(UInt64(clamping: suspectSince ?? 0))
        writer.list(alarms) { alarm, writer in
            writer.string(alarm.kind.rawValue)
            writer.string(alarm.object)
            writer.list(alarm.author.map { [$0] } ?? []) { $0.encode(into: &$1) }
            writer.string(alarm.detail)
        }
        writer.u8(Halt.kept.firstIndex(of: halt).map(UInt8.init) ?? 0)
        writer.list(checkpoints) { mark, writer in
            writer.raw(mark.id.bytes)
            mark.author.encode(into: &writer)
            writer.blob(mark.body.encoded)
            writer.u64(UInt64(clamping: mark.seenAt))
            writer.u8(mark.verdict.rawValue)
        }
        writer.list(floors) { pair, writer in
            pair.key.author.encode(into: &writer)
            writer.u16(pair.key.stream)
            writer.u64(pair.value)
        }
        writer.list(unfinished.map { [$0] } ?? []) { place, writer in
            writer.raw(place.id.bytes)
            writer.u32(UInt32(clamping: place.chunks))
        }
        writer.list(reissued) { pair, writer in
            pair.key.author.encode(into: &writer)
            writer.u16(pair.key.stream)
            writer.u64(pair.value)
        }
        logs.range.encode(into: &writer)
        writer.u64(UInt64(clamping: logs.sealedAt))
        writer.u64(logs.offered)
        return writer.bytes
    }

    /// - Parameters:
    ///   - bytes: what `encoded` made.
    ///   - waiting: the segments that wait.
    ///   - logs: the log objects that wait.
    /// - Throws: `integrity` for other bytes.
    public init(
        _ bytes: [UInt8], waiting: [WaitingSegment], logs waitingLogs: [WaitingLog] = []
    ) throws(SyncError) {
        do {
            var reader = CanonicalReader(bytes)
            let version = try reader.u8()
            guard 1...Self.version ~= version else {
                throw CryptoError(.malformed, "its version is unknown")
            }
            self.init(author: try Author(from: &reader))
            formerLife = try reader.list { try $0.u32() }.first
            isAttached = try reader.u8() == 1
            sentRecord = try reader.u64()
            for (lane, position) in try reader.list({ try $0.place() }) { positions[lane] = position }
            for (lane, position) in try reader.list({ try $0.place() }) { settled[lane] = position }
            head = try reader.list { try $0.head(version) }.first
            headETag = try reader.etag()
            pendingHead = try reader.list { try $0.head(version) }.first
            for (author, mark) in try reader.list({ try $0.mark(version) }) { heads[author] = mark }
            bellETag = try reader.etag()
            owesBell = try reader.u8() == 1
            lookedAtAll = Int64(clamping: try reader.u64())
            let suspect = Int64(clamping: try reader.u64())
            suspectSince = suspect == 0 ? nil : suspect
            alarms = try reader.list { try $0.alarm() }
            let number = Int(try reader.u8())
            guard Halt.kept.indices.contains(number) else {
                throw CryptoError(.malformed, "what keeps it from sending is unknown")
            }
            halt = Halt.kept[number]
            if version > 1 {
                checkpoints = try reader.list { try $0.checkpoint() }
                for (lane, end) in try reader.list({ try $0.floor() }) { floors[lane] = end }
                unfinished = try reader.list { try $0.checkpointPlace() }.first
            }
            if version > 2 {
                for (lane, number) in try reader.list({ try $0.floor() }) { reissued[lane] = number }
            }
            if version > 3 {
                logs.range = try LogRange(from: &reader)
                logs.sealedAt = Int64(clamping: try reader.u64())
            }
            // Before, it was not remembered whether one had left.
            logs.offered = version > 4 ? try reader.u64() : waitingLogs.last?.position.sequence ?? 0
            try reader.expectEnd()
        } catch { throw .integrity("what this vault remembers of syncing", "\(error)") }
        outbox = waiting.map { row in
            var segment = OutboxSegment(lane: row.lane, position: row.position, bytes: row.bytes)
            segment.isOffered = row.isOffered
            segment.isSettled = row.isSettled
            return segment
        }
        logs.outbox = waitingLogs.map {
            OutboxLog(position: $0.position, day: LogDay(number: $0.day), bytes: $0.bytes)
        }
    }
}

extension SyncState.Halt {
    /// By their numbers.
    fileprivate static let kept: [SyncState.Halt?] = [nil, .copied, .replaced, .ended]
}

extension CanonicalWriter {
    fileprivate mutating func list<Elements: Swift.Collection>(
        _ elements: Elements, _ write: (Elements.Element, inout CanonicalWriter) -> Void
    ) {
        count(elements.count)
        for element in elements { write(element, &self) }
    }

    fileprivate mutating func place(_ lane: Lane, _ position: Position) {
        lane.author.encode(into: &self)
        u16(lane.stream)
        u64(position.sequence)
        raw(position.hash)
    }

    fileprivate mutating func head(_ head: OutboxHead) {
        u64(head.position.sequence)
        raw(head.position.hash)
        blob(head.bytes)
        blob(head.body.encoded)
        u64(head.issuedAt)
    }
}

extension CanonicalReader {
    fileprivate mutating func list<Element>(
        _ read: (inout CanonicalReader) throws -> Element
    ) throws -> [Element] {
        try (0..<count(limit: 1 << 20)).map { _ in try read(&self) }
    }

    fileprivate mutating func place() throws -> (Lane, Position) {
        let author = try Author(from: &self)
        let lane = Lane(author: author, stream: try u16())
        return (lane, Position(sequence: try u64(), hash: try raw(32)))
    }

    fileprivate mutating func head(_ version: UInt8) throws -> OutboxHead {
        let position = Position(sequence: try u64(), hash: try raw(32))
        let bytes = try blob(limit: PaddedBody.limit)
        // Heads said nothing of logs before.
        var added = CanonicalWriter()
        if version < 4 { LogRange.none.encode(into: &added) }
        let body = try HeadBody(blob(limit: PaddedBody.limit) + added.bytes, name: "h")
        return OutboxHead(position: position, bytes: bytes, body: body, issuedAt: try u64())
    }

    fileprivate mutating func mark(_ version: UInt8) throws -> (Author, HeadMark) {
        let author = try Author(from: &self)
        let position = Position(sequence: try u64(), hash: try raw(32))
        let times = try HeadTimes(link: raw(32), name: "h")
        let attested =
            version == 1
            ? [] : try list { HeadBody.Attestation(checkpoint: try $0.raw(16), stateRoot: try $0.raw(32)) }
        let logs = version < 4 ? LogRange.none : try LogRange(from: &self)
        return (author, HeadMark(position: position, times: times, attested: attested, logs: logs))
    }

    fileprivate mutating func checkpoint() throws -> CheckpointMark {
        let id = try checkpointID()
        let author = try Author(from: &self)
        let body = try CheckpointBody(blob(limit: PaddedBody.limit), name: "c/\(id)/m")
        let seenAt = Int64(clamping: try u64())
        guard let verdict = CheckpointMark.Verdict(rawValue: try u8()) else {
            throw CryptoError(.malformed, "a checkpoint is of an unknown kind")
        }
        return CheckpointMark(id: id, author: author, body: body, seenAt: seenAt, verdict: verdict)
    }

    private mutating func checkpointID() throws -> CheckpointID {
        guard let id = CheckpointID(try raw(16)) else {
            throw CryptoError(.malformed, "a checkpoint's name is malformed")
        }
        return id
    }

    fileprivate mutating func checkpointPlace() throws -> CheckpointPlace {
        CheckpointPlace(id: try checkpointID(), chunks: Int(try u32()))
    }

    fileprivate mutating func floor() throws -> (Lane, UInt64) {
        let author = try Author(from: &self)
        return (Lane(author: author, stream: try u16()), try u64())
    }

    fileprivate mutating func etag() throws -> ETag? {
        let text = try string(limit: 4096)
        return text.isEmpty ? nil : ETag(text)
    }

    fileprivate mutating func alarm() throws -> SyncAlarm {
        let kind = try string(limit: 64)
        guard let kind = SyncAlarm.Kind(rawValue: kind) else {
            throw CryptoError(.malformed, "an alarm is of an unknown kind")
        }
        let object = try string(limit: 4096)
        let author = try list { try Author(from: &$0) }.first
        return SyncAlarm(kind, object, by: author, try string(limit: 1 << 16))
    }
}
