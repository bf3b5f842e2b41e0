internal import Cryptography

/// Reads members of one pack, from anywhere in it.
///
/// Its hash in the signed manifest vouches for the whole file; each chunk is authentic by its own tag
/// besides, so a part can be read without the rest. Not thread-safe.
package final class PackReader {
    /// Reads a range of the file.
    package typealias Fetch = (Range<Int>) throws -> [UInt8]

    private var reader: CobblestoneReader
    private let fetch: Fetch
    private let record: PackRecord
    private var name: String { "pack " + record.name }
    /// The chunk that was opened last: members follow each other.
    private var last: (index: Int, plain: [UInt8])?

    /// Opens the pack's key and checks its commitment and its end.
    ///
    /// - Throws: `.integrity` naming the pack; `.locked`.
    package init(_ record: PackRecord, keys: some BackupKeys, fetch: @escaping Fetch) throws {
        self.record = record
        self.fetch = fetch
        let name = "pack " + record.name
        let key = try ObjectKey.open(
            .pack, id: record.id, epoch: record.epoch, wraps: record.wraps, keys: keys, object: name)
        guard record.length < 1 << 40 else { throw BackupError.integrity(name, "an absurd length") }
        do {
            let context = ObjectKey.Kind.pack.context(vaultID: keys.vaultID, id: record.id)
            var reader = try CobblestoneReader(
                key: key, context: context, header: fetch(0..<Cobblestone.headerCount),
                ciphertextCount: Int(record.length))
            try reader.authenticateLength(fetch)
            self.reader = consume reader
        } catch let error as CryptoError {
            throw BackupError.integrity(name, error.message)
        }
    }

    /// The bytes of one extent.
    ///
    /// - Throws: `.integrity` when it does not lie in the pack or a chunk fails.
    package func read(offset: UInt64, length: UInt32) throws -> [UInt8] {
        let end = offset.addingReportingOverflow(UInt64(length))
        guard !end.overflow, end.partialValue <= UInt64(reader.plaintextCount) else {
            throw BackupError.integrity(name, "an extent beyond the end of the pack")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(length))
        var position = Int(offset)
        while position < Int(end.partialValue) {
            let chunk = try open(position / Cobblestone.chunkCount)
            let start = position % Cobblestone.chunkCount
            let count = min(chunk.count - start, Int(end.partialValue) - position)
            bytes.append(contentsOf: chunk[start..<start + count])
            position += count
        }
        return bytes
    }

    /// Walks the tar from its first member to its end: every content's place, in order.
    ///
    /// - Throws: `.integrity` for anything but plain files under names that stay below, each once, or for
    ///   bytes other than zeros behind the archive's end.
    package func members() throws -> [(name: String, offset: UInt64, length: UInt64)] {
        var next = 0
        let source: PaxReader.Source = { [self] in
            guard next < reader.chunkCount else { return [] }
            defer { next += 1 }
            return try open(next)
        }
        let tar = try PaxReader(name: name, source)
        var found: [(name: String, offset: UInt64, length: UInt64)] = []
        var names: Set<[UInt8]> = []
        while let member = try tar.next() {
            guard RelativePath(member.path) != nil, member.kind == .file, names.insert(member.path).inserted
            else {
                throw BackupError.integrity(name, "a member that does not belong: \(member.path.printable)")
            }
            found.append((member.path.printable, UInt64(tar.offset), UInt64(member.size)))
        }
        let end = found.last.map { Int($0.offset + $0.length) } ?? 0
        var position = end
        while position < reader.plaintextCount {
            let chunk = try open(position / Cobblestone.chunkCount)
            let start = position % Cobblestone.chunkCount
            guard chunk[start...].allSatisfy({ $0 == 0 }) else {
                throw BackupError.integrity(name, "bytes behind the end of the archive")
            }
            position += chunk.count - start
        }
        return found
    }

    private func open(_ index: Int) throws -> [UInt8] {
        if let last, last.index == index { return last.plain }
        do {
            let plain = try reader.openChunk(index, fetch(reader.range(ofChunk: index)))
            last = (index, plain)
            return plain
        } catch let error as CryptoError {
            throw BackupError.integrity(name, error.message)
        }
    }
}
