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

    /// Opens the pack's key and checks its commitment. Nothing of the file is read: header and length stand
    /// in the signed manifest.
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
            reader = try CobblestoneReader(
                key: key, context: context, header: record.header, ciphertextCount: Int(record.length))
        } catch {
            throw BackupError.integrity(name, error.message)
        }
    }

    /// The bytes of one extent, by one read of the file.
    ///
    /// - Throws: `.integrity` when it does not lie in the pack or a chunk fails.
    package func read(offset: UInt64, length: UInt32) throws -> [UInt8] {
        let end = offset.addingReportingOverflow(UInt64(length))
        guard !end.overflow, end.partialValue <= UInt64(reader.plaintextCount) else {
            throw BackupError.integrity(name, "an extent beyond the end of the pack")
        }
        guard length > 0 else { return [] }
        let size = Cobblestone.chunkCount
        let wanted = Int(offset)..<Int(end.partialValue)
        let chunks = wanted.lowerBound / size...(wanted.upperBound - 1) / size
        // The chunk where the extent before ended is where this one begins, as a rule.
        let isFirstOpen = last?.index == chunks.lowerBound
        let from = isFirstOpen ? chunks.lowerBound + 1 : chunks.lowerBound
        let sealed = from <= chunks.upperBound ? try fetch(from...chunks.upperBound) : []
        return try [UInt8](unsafeUninitializedCapacity: wanted.count) { buffer, initialized in
            let output = UnsafeMutableRawBufferPointer(buffer)
            for index in chunks {
                let start = (index - from) * Cobblestone.sealedChunkCount
                let first = max(0, wanted.lowerBound - index * size)
                let end = min(size, wanted.upperBound - index * size)
                let target = UnsafeMutableRawBufferPointer(
                    rebasing: output[initialized..<initialized + end - first])
                if index >= from, end - first == size {
                    try open(index, in: sealed, at: start, into: target)
                } else {
                    let plain = try index < from ? last?.plain ?? [] : open(index, in: sealed, at: start)
                    plain.withUnsafeBytes { target.copyBytes(from: $0[first..<end]) }
                }
                initialized += end - first
            }
        }
    }

    /// Walks the tar from its first member to its end: every content's place, in order. What is nothing but
    /// content is not opened.
    ///
    /// - Throws: `.integrity` for anything but plain files under names that stay below, each once, or for
    ///   bytes other than zeros behind the archive's end.
    package func members() throws -> [(name: String, offset: UInt64, length: UInt64)] {
        guard try fetch(0..<Cobblestone.headerCount) == record.header else {
            throw BackupError.integrity(name, "its header is not the one that the manifest names")
        }
        var next = 0
        let source: PaxReader.Source = { [self] in
            guard next < reader.chunkCount else { return [] }
            defer { next += 1 }
            return try open(next)
        }
        let skip: PaxReader.Skip = { [self] count in
            let size = Int64(Cobblestone.chunkCount)
            let chunks = min(count / size, Int64(max(0, reader.chunkCount - 1 - next)))
            next += Int(chunks)
            return chunks * size
        }
        let tar = try PaxReader(name: name, skip: skip, source)
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
        return try open(index, in: fetch(index...index), at: 0)
    }

    private func open(_ index: Int, in sealed: [UInt8], at start: Int) throws -> [UInt8] {
        let end = min(start + Cobblestone.sealedChunkCount, sealed.count)
        let isAll = start == 0 && end == sealed.count
        do {
            let plain = try reader.openChunk(index, isAll ? sealed : Array(sealed[min(start, end)..<end]))
            last = (index, plain)
            return plain
        } catch {
            throw BackupError.integrity(name, error.message)
        }
    }

    /// Opens a full chunk where it is wanted.
    private func open(
        _ index: Int, in sealed: [UInt8], at start: Int, into output: UnsafeMutableRawBufferPointer
    ) throws {
        let end = min(start + Cobblestone.sealedChunkCount, sealed.count)
        let result = sealed.withUnsafeBytes { sealed in
            Result { () throws(CryptoError) in
                try reader.openChunk(
                    index, UnsafeRawBufferPointer(rebasing: sealed[min(start, end)..<end]), into: output)
            }
        }
        do { try result.get() } catch { throw BackupError.integrity(name, error.message) }
    }

    private func fetch(_ chunks: ClosedRange<Int>) throws -> [UInt8] {
        let start = reader.range(ofChunk: chunks.lowerBound).lowerBound
        let end = reader.range(ofChunk: chunks.upperBound).upperBound
        return try fetch(start..<end)
    }
}
