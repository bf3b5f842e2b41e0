internal import Compression
internal import Cryptography
internal import FileSystem

/// A blob that is written but not in its place yet.
struct StagedBlob: Sendable {
    let reference: BlobReference
    let name: String
    /// The temporary file; nil when the content is stored already.
    let temporary: String?
}

/// Bytes that can be read twice: first to know their hash and how they compress, then to encrypt them.
protocol BlobSource {
    var count: Int64 { get }
    /// Exactly `count` bytes at `offset`; throws when they are not there any more.
    func read(count: Int, at offset: Int64, into buffer: inout [UInt8]) throws
}

/// Writes blobs to temporary files beside their places.
struct BlobWriter {
    let store: BlobStore
    let random: @Sendable (Int) throws -> [UInt8]

    /// Compresses where it saves a sixteenth at least, as it does with floating-point numbers; small sources
    /// are held in memory and read once.
    /// - Parameter isKnown: asked with the hash before any file is written; true skips the writing.
    func stage(
        _ source: some BlobSource, isKnown: (BlobReference) throws -> Bool
    ) throws -> StagedBlob {
        let small = source.count <= 4 << 20
        var kept: [[UInt8]] = []
        var frames: [UInt32] = []
        var stored: Int64 = 0
        let hasher = RunningHash()
        var plain: [[UInt8]] = []
        var isPaying = source.count > 64
        try eachPiece(of: source) { piece, index in
            hasher.update(piece)
            if small { plain.append(piece) }
            guard isPaying else { return }
            let frame = try Zstandard.compress(piece)
            frames.append(UInt32(frame.count))
            stored += Int64(frame.count)
            if small { kept.append(frame) }
            // What does not compress in its first megabytes is taken not to compress at all.
            if index == 15 && stored * 16 > Int64(index + 1) * Int64(BlobHeader.pieceCount) * 15 {
                isPaying = false
            }
        }
        let reference = BlobReference(
            sha256: hasher.finish(), size: source.count, epoch: try store.keys.currentEpoch())
        let name = try store.name(reference)
        if try isKnown(reference) {
            return StagedBlob(reference: reference, name: name, temporary: nil)
        }
        isPaying = isPaying && stored * 16 <= source.count * 15
        let header =
            isPaying
            ? BlobHeader(encoding: .zstd, plainCount: source.count, storedCount: stored, frames: frames)
            : BlobHeader(plainCount: source.count)
        let temporary = try "\(store.directory)/tmp-\(Hex.encode(random(12)))"
        do {
            try write(name, header, reference, to: temporary) { emit in
                if small {
                    for piece in isPaying ? kept : plain { try piece.withUnsafeBytes(emit) }
                    return
                }
                let second = RunningHash()
                try eachPiece(of: source) { piece, index in
                    second.update(piece)
                    guard isPaying else { return try piece.withUnsafeBytes(emit) }
                    let frame = try Zstandard.compress(piece)
                    guard frame.count == Int(frames[index]) else { throw Self.changed }
                    try frame.withUnsafeBytes(emit)
                }
                guard second.finish() == reference.sha256 else { throw Self.changed }
            }
            return StagedBlob(reference: reference, name: name, temporary: temporary)
        } catch {
            // The first failure is the one to tell; a file that stays is taken by the next sweep.
            do { try Durable.remove(temporary) } catch {}
            throw error
        }
    }

    static let changed = VaultError(
        .conflict, "the file changed while it was read", hint: "try again when nobody writes to it")

    private func eachPiece(
        of source: some BlobSource, _ body: ([UInt8], Int) throws -> Void
    ) throws {
        var buffer: [UInt8] = []
        var (offset, index) = (Int64(0), 0)
        while offset < source.count {
            let count = Int(min(Int64(BlobHeader.pieceCount), source.count - offset))
            try source.read(count: count, at: offset, into: &buffer)
            try body(buffer, index)
            offset += Int64(count)
            index += 1
        }
    }

    private func write(
        _ name: String, _ header: BlobHeader, _ reference: BlobReference, to path: String,
        _ content: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let sink = try EncryptedSink(
            File.open(path, .createNew), key: store.keys.key(reference.epoch), context: store.context(name))
        try header.bytes.withUnsafeBytes(sink.add)
        try content(sink.add)
        var padding = header.paddedCount - Int64(header.count) - header.storedCount
        let zeros = [UInt8](repeating: 0, count: Int(min(padding, 1 << 16)))
        while padding > 0 {
            let part = Int(min(padding, Int64(zeros.count)))
            try zeros.withUnsafeBytes { try sink.add(UnsafeRawBufferPointer(rebasing: $0[..<part])) }
            padding -= Int64(part)
        }
        try sink.finish()
    }
}

/// Encrypts what it is given into a file, 256 KiB a write.
private final class EncryptedSink {
    private let file: File
    private var encryptor: CobblestoneEncryptor?
    private var pending: [UInt8]
    private var offset: Int64 = 0

    init(_ file: consuming File, key: borrowing SecretBytes, context: [UInt8]) throws {
        self.file = file
        let encryptor = try CobblestoneEncryptor(key: key, context: context)
        pending = encryptor.header
        self.encryptor = consume encryptor
    }

    func add(_ bytes: UnsafeRawBufferPointer) throws { try encryptor?.update(bytes, put) }

    func finish() throws {
        try encryptor.take()?.finalize(put)
        try flush()
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws {
        pending.append(contentsOf: bytes)
        if pending.count >= 1 << 18 { try flush() }
    }

    private func flush() throws {
        try file.write(pending, at: offset)
        offset += Int64(pending.count)
        pending.removeAll(keepingCapacity: true)
    }
}
