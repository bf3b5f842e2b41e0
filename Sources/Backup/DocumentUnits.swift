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

    private let pipeline: UnitPipeline<Keys>
    private let base: DocumentBase?
    private var runs: BlobRuns<Keys>

    private init(_ pipeline: UnitPipeline<Keys>, _ base: DocumentBase?) {
        self.pipeline = pipeline
        self.base = base
        runs = BlobRuns(pipeline)
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
        return try units.write(sources, progress)
    }

    /// A row of the listing, and whether its content has to be written first.
    private struct Row {
        var file: DocumentFile
        var isNew = false
    }

    /// The base's listing is read once: segments without anything new are done at once, the others wait until
    /// it is known where what is new stands.
    private mutating func write(
        _ sources: [Source], _ progress: (UInt64, UInt64) -> Void
    ) throws -> Written {
        let series = SegmentSeries("documents", pipeline, base: base?.segments ?? [])
        var written = Written()
        var rows: [Row] = []
        var waiting: [(place: Int, rows: [Row])] = []
        var new: [Source] = []
        var cut = ListingCut()
        func close() throws {
            guard !rows.isEmpty else { return }
            if rows.contains(where: \.isNew) {
                waiting.append((series.reserve(), rows))
            } else {
                try Self.add(rows.map(\.file), to: series, at: series.reserve())
            }
            rows.removeAll(keepingCapacity: true)
        }
        var total: UInt64 = 0
        try merge(sources) { source, known in
            var file =
                known ?? DocumentFile(path: source.path, length: 0, sha256: [], extents: [], versions: [])
            file.versions = source.versions
            var pieces = file.extents.count
            if known == nil {
                // A list is cut at the same places whether its files are new or not.
                let size = try Files.status(source.location)?.size ?? 0
                pieces = BlobRuns<Keys>.pieceCount(size)
                total += UInt64(size)
                new.append(source)
            }
            rows.append(Row(file: file, isNew: known == nil))
            written.bytes += file.length
            let size = 60 + 20 * pieces + source.versions.reduce(0) { $0 + 90 + $1.name.count }
            if cut.endsAfter(key: Array(source.path.utf8), bytes: size) { try close() }
        }
        try close()
        var shipped = try ship(new) { progress($0, total) }[...]
        for (place, rows) in waiting {
            let files = try rows.map { row in
                guard row.isNew, let blob = shipped.popFirst() else { return row.file }
                written.added += 1
                written.bytes += blob.length
                var file = row.file
                file.length = blob.length
                file.sha256 = blob.sha256
                file.extents = try blob.pieces.map(runs.unit)
                return file
            }
            try Self.add(files, to: series, at: place)
        }
        written.segments = try series.finish()
        return written
    }

    private static func add(
        _ files: [DocumentFile], to series: SegmentSeries<Keys>, at place: Int
    ) throws {
        let (bytes, packs) = DocumentSegment(files: files).encoded()
        try series.add(bytes, needs: Set(packs), at: place)
    }

    /// Puts files into packs, in their order.
    private mutating func ship(
        _ new: [Source], _ progress: (UInt64) -> Void
    ) throws -> [BlobRuns<Keys>.Shipped] {
        var done: UInt64 = 0
        var shipped: [BlobRuns<Keys>.Shipped] = []
        shipped.reserveCapacity(new.count)
        for source in new {
            let blob = try runs.add(source.path, File.open(source.location, .read))
            shipped.append(blob)
            done += blob.length
            progress(done)
        }
        try runs.finish()
        try pipeline.drain()
        return shipped
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
