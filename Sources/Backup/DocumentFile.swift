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

    /// The one encoding.
    package var bytes: [UInt8] { encoded().bytes }

    /// The one encoding, and the packs that the files stand in.
    func encoded() -> (bytes: [UInt8], packs: [[UInt8]]) {
        var table = PackRows()
        var body = CanonicalWriter()
        body.count(files.count)
        for file in files {
            body.string(file.path)
            body.u64(file.length)
            body.raw(file.sha256)
            body.count(file.extents.count)
            for extent in file.extents {
                body.u32(table.row(of: extent.pack))
                body.u64(extent.offset)
                body.u32(extent.length)
            }
            body.list(file.versions)
        }
        var writer = CanonicalWriter()
        writer.raw(Self.magic)
        writer.count(table.ids.count)
        for id in table.ids { writer.raw(id) }
        writer.raw(body.bytes)
        return (writer.bytes, table.ids)
    }

    /// Reads a segment again.
    ///
    /// - Throws: `.integrity` for anything but the one encoding.
    package init(_ bytes: [UInt8], object: String) throws(BackupError) {
        var table = PackRows()
        let packs: [[UInt8]]
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            guard try reader.raw(4) == Self.magic else { throw CryptoError(.malformed, "another segment") }
            var ids: [[UInt8]] = []
            for _ in 0..<(try reader.count(limit: listLimit, elementCount: 16)) {
                ids.append(try reader.raw(16))
            }
            packs = ids
            for _ in 0..<(try reader.count(limit: listLimit, elementCount: 52)) {
                files.append(try Self.file(&reader, packs, &table))
            }
            try reader.expectEnd()
        } catch {
            throw .integrity(object, "a malformed list of documents")
        }
        // All else has one encoding only.
        guard table.ids == packs else {
            throw .integrity(object, "a list of documents that is not canonical")
        }
    }

    private static func file(
        _ reader: inout CanonicalReader, _ packs: [[UInt8]], _ table: inout PackRows
    ) throws(CryptoError) -> DocumentFile {
        let path = try reader.string(limit: 4096)
        let length = try reader.u64()
        let sha256 = try reader.raw(32)
        var extents: [StoredUnit] = []
        for _ in 0..<(try reader.count(limit: listLimit, elementCount: 16)) {
            let row = try reader.u32()
            guard Int(row) < packs.count, table.row(of: packs[Int(row)]) == row else {
                throw CryptoError(.malformed, "a pack that is not listed, or not in its place")
            }
            let offset = try reader.u64()
            let count = try reader.u32()
            extents.append(
                StoredUnit(pack: packs[Int(row)], offset: offset, length: count, plainLength: count))
        }
        return DocumentFile(
            path: path, length: length, sha256: sha256, extents: extents,
            versions: try reader.list(of: DocumentVersion.self, limit: listLimit, size: 56))
    }
}

/// Numbers packs in the order of first use. Neighbours are nearly always in the same one.
private struct PackRows {
    private(set) var ids: [[UInt8]] = []
    private var rows: [[UInt8]: UInt32] = [:]
    private var last: (id: [UInt8], row: UInt32)?

    mutating func row(of id: [UInt8]) -> UInt32 {
        if let last, last.id == id { return last.row }
        let row = rows[id] ?? UInt32(ids.count)
        if row == ids.count {
            ids.append(id)
            rows[id] = row
        }
        last = (id, row)
        return row
    }
}
