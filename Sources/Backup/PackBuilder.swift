internal import Cryptography

/// Makes one pack: a pax tar, padded to the size grid, inside Cobblestone under a key of its own.
///
/// Not thread-safe. Constant memory: what comes in goes out encrypted.
package final class PackBuilder<Keys: BackupKeys> {
    /// Takes the next bytes of the file.
    package typealias Sink = (UnsafeRawBufferPointer) throws -> Void

    /// 16 random bytes.
    package let id: [UInt8]
    private let tar: PaxWriter
    private let body: Encryption
    private let epoch: UInt32
    private let wraps: [WrappedKey]

    /// Tar bytes written so far.
    package var count: Int { Int(tar.offset) }

    /// Begins a pack that goes to `sink`.
    ///
    /// - Parameter isKept: whether who can't open it again keeps its key.
    package init(keys: Keys, isKept: Bool = false, _ sink: @escaping Sink) throws {
        id = try RandomBytes.bytes(16)
        let key = try ObjectKey(.pack, id: id, keys: keys, isKept: isKept)
        let body = try Encryption(key: key.key, context: key.context, sink)
        self.body = body
        epoch = key.epoch
        wraps = key.wraps
        tar = try PaxWriter { try body.update($0) }
    }

    /// Adds a member; returns where its content stands. Names are for people who unpack the tar: nothing
    /// depends on them.
    package func add(_ name: String, _ content: [UInt8]) throws -> (offset: UInt64, length: UInt32) {
        let start = try tar.add(MemberHeader(path: Array(name.utf8)), content)
        return (UInt64(start), UInt32(content.count))
    }

    /// Ends the tar, pads, encrypts the rest, and says what the manifest records.
    package func finish() throws -> PackRecord {
        try tar.finish()
        let padding = SizeGrid.padded(body.plainCount) - body.plainCount
        let zeros = [UInt8](repeating: 0, count: min(padding, 1 << 16))
        var rest = padding
        while rest > 0 {
            let part = min(rest, zeros.count)
            try zeros.withUnsafeBytes { try body.update(UnsafeRawBufferPointer(rebasing: $0[..<part])) }
            rest -= part
        }
        let (length, sha256, md5) = try body.finish()
        return PackRecord(
            id: id, length: UInt64(length), sha256: sha256, md5: md5, header: body.header, epoch: epoch,
            wraps: wraps)
    }

    /// The encryptor with the hashes over its output.
    private final class Encryption {
        private var encryptor: CobblestoneEncryptor?
        private var sha256 = Hasher(.sha256)
        private var md5: StoreChecksum
        private(set) var plainCount = 0
        private var length = 0
        let header: [UInt8]
        private let sink: Sink

        init(key: borrowing SecretBytes, context: [UInt8], _ sink: @escaping Sink) throws {
            self.sink = sink
            md5 = try StoreChecksum()
            let encryptor = try CobblestoneEncryptor(key: key, context: context)
            header = encryptor.header
            self.encryptor = consume encryptor
            try header.withUnsafeBytes(emit)
        }

        func update(_ bytes: UnsafeRawBufferPointer) throws {
            plainCount += bytes.count
            guard var encryptor = encryptor.take() else {
                throw BackupError(.failed, "the pack is finished")
            }
            try encryptor.update(bytes) { try emit($0) }
            self.encryptor = consume encryptor
        }

        func finish() throws -> (length: Int, sha256: [UInt8], md5: [UInt8]) {
            guard let encryptor = encryptor.take() else {
                throw BackupError(.failed, "the pack is finished")
            }
            try encryptor.finalize { try emit($0) }
            var sha256 = Hasher(.sha256)
            swap(&sha256, &self.sha256)
            var md5 = try StoreChecksum()
            swap(&md5, &self.md5)
            return (length, sha256.finalize(), try md5.finalize())
        }

        private func emit(_ bytes: UnsafeRawBufferPointer) throws {
            sha256.update(bytes)
            try md5.update(bytes)
            length += bytes.count
            try sink(bytes)
        }
    }
}
