import CSystem
import Cryptography
import Glibc
import Synchronization

/// The file of the seal beside a database.
typealias SealStore = SlotStore<Seal>

/// A record's file: two slots in blocks of their own, the newer valid one counts, written in turn.
///
/// Read, changed and written under the flock of the file itself, which is taken last and briefly; inside the
/// process a mutex does the same, since the connections share the descriptor.
final class SlotStore<Record: SlotRecord>: Sendable {
    private static var block: Int64 { 4096 }

    let path: String
    private let file: Descriptor
    private let key: KeyCache.Box
    private let turn = Mutex(())

    /// Opens the file at `path`, which must exist.
    init(path: String, key: consuming SecretBytes) throws(EncryptedDatabaseError) {
        self.path = path
        self.key = KeyCache.Box(key)
        file = try Descriptor(path)
    }

    /// Makes the file by link(2), so that two creators can't both believe they were first; false: there is
    /// one.
    static func make(
        _ record: Record, at path: String, key: borrowing SecretBytes
    ) throws(EncryptedDatabaseError) -> Bool {
        let temporary = "\(path)-new.\(getpid()).\(Clock.now())"
        do {
            let slot = try encode(record, key: key)
            let file = try Descriptor(temporary, create: true)
            try file.write(slot, at: 0)
            try file.sync()
        }
        if try Paths.publish(temporary, as: path) { return true }
        try Paths.remove(temporary)
        return false
    }

    private static func encode(
        _ record: Record, key: borrowing SecretBytes
    ) throws(EncryptedDatabaseError) -> [UInt8] {
        do {
            return try SlotCodec(key: key).seal(record)
        } catch {
            throw EncryptedDatabaseError(.io, "the \(Record.noun) can't be made: \(error.message)")
        }
    }

    /// The record as it stands.
    func read() throws(EncryptedDatabaseError) -> Record {
        try exclusively { () throws(EncryptedDatabaseError) in try current().record }
    }

    /// Changes the record and returns it once it is on disk. When `change` says false, nothing is written.
    @discardableResult
    func update(
        _ change: (inout Record) throws(EncryptedDatabaseError) -> Bool
    ) throws(EncryptedDatabaseError) -> Record {
        try exclusively { () throws(EncryptedDatabaseError) in
            var (record, slot) = try current()
            guard try change(&record) else { return record }
            record.sequence += 1
            let bytes = try Self.encode(record, key: key.secret)
            try file.write(bytes, at: slot == 0 ? Self.block : 0)
            try file.sync()
            return record
        }
    }

    private func exclusively<R: Sendable>(
        _ body: () throws(EncryptedDatabaseError) -> R
    ) throws(EncryptedDatabaseError) -> R {
        try turn.withLock { _ throws(EncryptedDatabaseError) in
            _ = try file.lock(LOCK_EX)
            defer { file.unlock() }
            return try body()
        }
    }

    private func current() throws(EncryptedDatabaseError) -> (record: Record, slot: Int) {
        let codec: SlotCodec<Record>
        do {
            codec = try SlotCodec(key: key.secret)
        } catch {
            throw EncryptedDatabaseError(.io, "the \(Record.noun) can't be read: \(error.message)")
        }
        var best: (record: Record, slot: Int)?
        var findings: [SlotCodec<Record>.Reading] = []
        for slot in 0...1 {
            let place = Int64(slot) * Self.block
            let reading = codec.open(try file.read(SlotCodec<Record>.slot, at: place))
            findings.append(reading)
            if case .valid(let record) = reading, record.sequence >= best?.record.sequence ?? 0 {
                best = (record, slot)
            }
        }
        if let best { return best }
        for finding in findings {
            if case .wrongKey = finding {
                throw EncryptedDatabaseError(.wrongKey, "these keys did not make \(path)")
            }
            if case .newer = finding {
                throw EncryptedDatabaseError(
                    .newerFormat, "a newer version wrote \(path)", hint: "update ai-team")
            }
        }
        throw EncryptedDatabaseError(
            .tampered, "the \(Record.noun) \(path) does not authenticate", hint: "restore from a backup")
    }
}
