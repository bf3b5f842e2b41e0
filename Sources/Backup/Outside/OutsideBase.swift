/// The list of the backup that a new one builds on, read along with the walk: both are in the same order.
struct OutsideBase {
    let listing: OutsideListing
    private var cursor: OutsideCursor
    private var current: OutsideListing.Item?
    private var isAtEnd = false
    private var isIndexed = false

    init(_ listing: OutsideListing) {
        self.listing = listing
        cursor = OutsideCursor(listing)
    }

    /// What the list has at this path. Paths are asked for in order.
    mutating func item(_ path: [UInt8]) throws -> OutsideListing.Item? {
        while !isAtEnd {
            if let current, !current.entry.path.precedesAsPath(path) { break }
            current = try next()
            isAtEnd = current == nil
        }
        guard let current, current.entry.path == path else { return nil }
        return current
    }

    /// Puts the base's chunks into the index, when the first file is read.
    mutating func index<Keys>(into writer: inout RunWriter<Keys>) throws {
        guard !isIndexed else { return }
        isIndexed = true
        try listing.forEach { segment in
            let runs = writer.runs.numbers(of: segment.content)
            for chunk in segment.content.chunks {
                writer.index.insert(
                    ChunkPlace(
                        id: chunk.id, run: runs[Int(chunk.run)], offset: chunk.offset, length: chunk.length))
            }
        } _: { _ in
        } broken: { _ in
            // What can't be read can't be built on; checks name it.
        }
    }

    /// The next item; what is broken is passed over, so that its files are read again.
    private mutating func next() throws -> OutsideListing.Item? {
        while let step = try cursor.next() {
            if case .item(let item) = step { return item }
        }
        return nil
    }
}
