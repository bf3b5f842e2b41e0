package import Cryptography

/// One version of a document, so that it is found without the database.
package struct DocumentVersion: Sendable, Equatable, Canonical {
    /// File name or title as bytes.
    package var name: [UInt8]
    package var documentID: String
    package var number: UInt32
    /// Of the plaintext; the blob's key and context follow from them.
    package var plainHash: [UInt8]
    package var plainLength: UInt64
    package var epoch: UInt32

    package init(
        name: [UInt8], documentID: String, number: UInt32, plainHash: [UInt8], plainLength: UInt64,
        epoch: UInt32
    ) {
        self.name = name
        self.documentID = documentID
        self.number = number
        self.plainHash = plainHash
        self.plainLength = plainLength
        self.epoch = epoch
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        name = try reader.blob(limit: 16_384)
        documentID = try reader.string(limit: 128)
        number = try reader.u32()
        plainHash = try reader.raw(32)
        plainLength = try reader.u64()
        epoch = try reader.u32()
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.blob(name)
        writer.string(documentID)
        writer.u32(number)
        writer.raw(plainHash)
        writer.u64(plainLength)
        writer.u32(epoch)
    }
}

/// A file of the home that is shipped as it is, and the documents' versions that are in it.
package struct DocumentFile: Sendable, Equatable {
    /// The path below `data/`, such as `documents/ab/abcd…`.
    package var path: String
    package var length: UInt64
    package var sha256: [UInt8]
    /// In order; at most 4 MiB each, not compressed.
    package var extents: [StoredUnit]
    package var versions: [DocumentVersion]

    package init(
        path: String, length: UInt64, sha256: [UInt8], extents: [StoredUnit], versions: [DocumentVersion]
    ) {
        self.path = path
        self.length = length
        self.sha256 = sha256
        self.extents = extents
        self.versions = versions
    }
}

/// A segment of the listing of documents.
///
///     "ATLD" ‖ packs: list(id 16) ‖ files: list(path ‖ length u64 ‖ SHA-256 32
///            ‖ extents: list(pack u32 ‖ offset u64 ‖ length u32) ‖ versions: list)
///
/// Packs in the order in which the files name them first; paths ascend strictly, byte by byte.
package struct DocumentSegment: Sendable, Equatable {
    private static let magic = Array("ATLD".utf8)
    package var files: [DocumentFile] = []

    package init(files: [DocumentFile] = []) { self.files = files }

    /// The packs that the files stand in.
    package var packs: [[UInt8]] {
        var seen = Set<[UInt8]>()
        return files.flatMap(\.extents).map(\.pack).filter { seen.insert($0).inserted }
    }

    /// The one encoding.
    package var bytes: [UInt8] {
        let packs = packs
        var rows: [[UInt8]: UInt32] = [:]
        for (row, id) in packs.enumerated() { rows[id] = UInt32(row) }
        var writer = CanonicalWriter()
        writer.raw(Self.magic)
        writer.count(packs.count)
        for id in packs { writer.raw(id) }
        writer.count(files.count)
        for file in files {
            writer.string(file.path)
            writer.u64(file.length)
            writer.raw(file.sha256)
            writer.count(file.extents.count)
            for extent in file.extents {
                writer.u32(rows[extent.pack] ?? .max)
                writer.u64(extent.offset)
                writer.u32(extent.length)
            }
            writer.list(file.versions)
        }
        return writer.bytes
    }

    /// Reads a segment again.
    ///
    /// - Throws: `.integrity` for anything but the one encoding.
    package init(_ bytes: [UInt8], object: String) throws(BackupError) {
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            guard try reader.raw(4) == Self.magic else { throw CryptoError(.malformed, "another segment") }
            var packs: [[UInt8]] = []
            for _ in 0..<(try reader.count(limit: listLimit, elementCount: 16)) {
                packs.append(try reader.raw(16))
            }
            for _ in 0..<(try reader.count(limit: listLimit, elementCount: 52)) {
                files.append(try Self.file(&reader, packs))
            }
            try reader.expectEnd()
        } catch {
            throw .integrity(object, "a malformed list of documents")
        }
        guard self.bytes == bytes else {
            throw .integrity(object, "a list of documents that is not canonical")
        }
    }

    private static func file(
        _ reader: inout CanonicalReader, _ packs: [[UInt8]]
    ) throws(CryptoError) -> DocumentFile {
        let path = try reader.string(limit: 4096)
        let length = try reader.u64()
        let sha256 = try reader.raw(32)
        var extents: [StoredUnit] = []
        for _ in 0..<(try reader.count(limit: listLimit, elementCount: 16)) {
            let row = Int(try reader.u32())
            guard row < packs.count else { throw CryptoError(.malformed, "a pack that is not listed") }
            let offset = try reader.u64()
            let count = try reader.u32()
            extents.append(
                StoredUnit(pack: packs[row], offset: offset, length: count, plainLength: count))
        }
        return DocumentFile(
            path: path, length: length, sha256: sha256, extents: extents,
            versions: try reader.list(of: DocumentVersion.self, limit: listLimit, size: 56))
    }
}
