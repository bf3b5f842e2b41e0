import CSystem
import Cryptography
import Glibc
import Synchronization

/// The seal's file: two slots in blocks of their own, the newer valid one counts, written in turn.
///
/// Read, changed and written under the flock of the file itself, which is taken last and briefly; inside the
/// process a mutex does the same, since the connections share the descriptor.
final class SealStore: Sendable {
    private static let block: Int64 = 4096

    let path: String
    private let file: Descriptor
    private let key: KeyCache.Box
    private let turn = Mutex(())

    /// Opens the seal at `path`, which must exist.
    init(path: String, key: consuming SecretBytes) throws(EncryptedDatabaseError) {
        self.path = path
        self.key = KeyCache.Box(key)
        file = try Descriptor(path)
    }

    /// Makes a seal by link(2), so that two creators can't both believe they were first; false: there is one.
    static func make(
        _ seal: Seal, at path: String, key: borrowing SecretBytes
    ) throws(EncryptedDatabaseError) -> Bool {
        let temporary = "\(path)-new.\(getpid()).\(Clock.now())"
        do {
            let slot = try SealStore.encode(seal, key: key)
            let file = try Descriptor(temporary, create: true)
            try file.write(slot, at: 0)
            try file.sync()
        }
        if try Paths.publish(temporary, as: path) { return true }
        try Paths.remove(temporary)
        return false
    }

    private static func encode(
        _ seal: Seal, key: borrowing SecretBytes
    ) throws(EncryptedDatabaseError) -> [UInt8] {
        do {
            return try SealCodec(key: key).seal(seal)
        } catch {
            throw EncryptedDatabaseError(.io, "the seal can't be made: \(error.message)")
        }
    }

    /// The seal as it stands.
    func read() throws(EncryptedDatabaseError) -> Seal {
        try exclusively { () throws(EncryptedDatabaseError) in try current().seal }
    }

    /// Changes the seal and returns it once it is on disk. When `change` says false, nothing is written.
    @discardableResult
    func update(
        _ change: (inout Seal) throws(EncryptedDatabaseError) -> Bool
    ) throws(EncryptedDatabaseError) -> Seal {
        try exclusively { () throws(EncryptedDatabaseError) in
            var (seal, slot) = try current()
            guard try change(&seal) else { return seal }
            seal.sequence += 1
            let bytes = try SealStore.encode(seal, key: key.secret)
            try file.write(bytes, at: slot == 0 ? SealStore.block : 0)
            try file.sync()
            return seal
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

    private func current() throws(EncryptedDatabaseError) -> (seal: Seal, slot: Int) {
        let codec: SealCodec
        do {
            codec = try SealCodec(key: key.secret)
        } catch {
            throw EncryptedDatabaseError(.io, "the seal can't be read: \(error.message)")
        }
        var best: (seal: Seal, slot: Int)?
        var findings: [SealCodec.Reading] = []
        for slot in 0...1 {
            let reading = codec.open(try file.read(SealCodec.slot, at: Int64(slot) * SealStore.block))
            findings.append(reading)
            if case .valid(let seal) = reading, seal.sequence >= best?.seal.sequence ?? 0 {
                best = (seal, slot)
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
            .tampered, "the seal \(path) does not authenticate", hint: "restore from a backup")
    }
}
