/// The documents of a backup, read segment by segment.
package struct DocumentList {
    /// Reads the plaintext of a segment.
    package typealias Read = (Segment) throws -> [UInt8]

    private let segments: [Segment]
    private let read: Read
    private var next = 0
    private var files: ArraySlice<DocumentFile> = []
    private var last: String?

    /// - Parameter read: the plaintext of a segment, checked against its hash.
    package init(_ segments: [Segment], read: @escaping Read) {
        self.segments = segments
        self.read = read
    }

    /// The next file, in the order of paths.
    ///
    /// - Throws: `.integrity` for a segment that does not hold, or is out of order.
    package mutating func file() throws -> DocumentFile? {
        while files.isEmpty {
            guard next < segments.count else { return nil }
            files = try DocumentSegment(read(segments[next]), object: "documents").files[...]
            next += 1
        }
        guard let file = files.popFirst() else { return nil }
        if let last, !last.utf8.lexicographicallyPrecedes(file.path.utf8) {
            throw BackupError.integrity(file.path, "a list of documents that is out of order")
        }
        last = file.path
        return file
    }

    /// Hands out all files.
    package func each(_ body: (DocumentFile) throws -> Void) throws {
        var list = DocumentList(segments, read: read)
        while let file = try list.file() { try body(file) }
    }
}

/// What of the documents a backup can build on.
package struct DocumentBase {
    package var list: DocumentList
    package var segments: [StoredSegment]

    /// Every segment must be there, or nobody builds on it; which packs one needs is known again when its
    /// files were looked at.
    package init(_ segments: [Segment], packs: [PackRecord], read: @escaping DocumentList.Read) throws {
        for segment in segments { _ = try read(segment) }
        let names = PackNames(packs)
        list = DocumentList(segments, read: read)
        self.segments = try segments.map { try names.stored($0, needs: []) }
    }
}
