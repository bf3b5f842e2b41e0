internal import Cryptography
internal import FileSystem

/// Puts the files of `data/` into packs. A file is named by what is in it and never changes, so one that the
/// base has is not opened.
package struct DocumentUnits<Keys: BackupKeys> {
    /// What the listing begins with.
    package struct Source: Sendable {
        /// The path below `data/`, and where it stands now.
        package var path: String
        package var location: String
        package var versions: [DocumentVersion]

        package init(path: String, location: String, versions: [DocumentVersion] = []) {
            self.path = path
            self.location = location
            self.versions = versions
        }
    }

    /// What was written.
    package struct Written: Sendable {
        package var segments: [StoredSegment] = []
        package var bytes: UInt64 = 0
        package var added: UInt64 = 0
    }

    private struct Shipped {
        var length: UInt64
        var sha256: [UInt8]
        var numbers: [Int]
    }

    private let pipeline: UnitPipeline<Keys>
    private let base: DocumentBase?
    private var shipped: [String: Shipped] = [:]

    private init(_ pipeline: UnitPipeline<Keys>, _ base: DocumentBase?) {
        self.pipeline = pipeline
        self.base = base
    }

    /// Writes what the base lacks, then the listing of all.
    ///
    /// - Parameters:
    ///   - sources: in the order of their paths' bytes.
    ///   - progress: is given bytes of files done, of how many.
    package static func write(
        _ sources: [Source], base: DocumentBase?, to pipeline: UnitPipeline<Keys>,
        progress: (UInt64, UInt64) -> Void = { _, _ in }
    ) throws -> Written {
        var units = DocumentUnits(pipeline, base)
        try units.ship(sources, progress)
        try pipeline.drain()
        return try units.list(sources)
    }

    private mutating func ship(_ sources: [Source], _ progress: (UInt64, UInt64) -> Void) throws {
        var new: [Source] = []
        try merge(sources) { source, known in
            if known == nil { new.append(source) }
        }
        let total = try new.reduce(UInt64(0)) { $0 + UInt64(try Files.status($1.location)?.size ?? 0) }
        var done: UInt64 = 0
        for source in new {
            let file = try ship(source)
            shipped[source.path] = file
            done += file.length
            progress(done, total)
        }
    }

    /// Adds a file as it is, in pieces; memory holds a few.
    private func ship(_ source: Source) throws -> Shipped {
        let handle = try File.open(source.location, .read)
        var hasher = Hasher(.sha256)
        var numbers: [Int] = []
        var offset: Int64 = 0
        let size = try handle.size()
        while offset < size {
            let wanted = Int(min(Int64(Unit.plainLimit), size - offset))
            let piece = try handle.read(count: wanted, at: offset)
            guard piece.count == wanted else {
                throw BackupError(.failed, "it was cut off while it was read", object: source.path)
            }
            hasher.update(piece)
            numbers.append(
                try pipeline.submit("\(source.path)/\(offset)", piece, compressing: false))
            offset += Int64(piece.count)
        }
        return Shipped(length: UInt64(offset), sha256: hasher.finalize(), numbers: numbers)
    }

    private func list(_ sources: [Source]) throws -> Written {
        let series = SegmentSeries("documents", pipeline, base: base?.segments ?? [])
        var written = Written()
        var segment = DocumentSegment()
        var cut = ListingCut()
        func close() throws {
            guard !segment.files.isEmpty else { return }
            try series.add(segment.bytes, needs: Set(segment.packs))
            segment.files.removeAll(keepingCapacity: true)
        }
        try merge(sources) { source, known in
            let file = try known ?? file(source)
            written.bytes += file.length
            if known == nil { written.added += 1 }
            segment.files.append(
                DocumentFile(
                    path: file.path, length: file.length, sha256: file.sha256, extents: file.extents,
                    versions: source.versions))
            let size = 60 + 20 * file.extents.count + source.versions.reduce(0) { $0 + 90 + $1.name.count }
            if cut.endsAfter(key: Array(source.path.utf8), bytes: size) { try close() }
        }
        try close()
        written.segments = try series.finish()
        return written
    }

    private func file(_ source: Source) throws -> DocumentFile {
        guard let file = shipped[source.path] else {
            throw BackupError(.failed, "a file that was not shipped", object: source.path)
        }
        return DocumentFile(
            path: source.path, length: file.length, sha256: file.sha256,
            extents: try file.numbers.map(pipeline.unit), versions: [])
    }

    /// Walks the sources beside the base's listing: both are in the same order.
    private func merge(_ sources: [Source], _ body: (Source, DocumentFile?) throws -> Void) throws {
        var list = base?.list
        var known = try list?.file()
        for source in sources {
            while let old = known, old.path.utf8.lexicographicallyPrecedes(source.path.utf8) {
                known = try list?.file()
            }
            try body(source, known?.path == source.path ? known : nil)
        }
    }
}
