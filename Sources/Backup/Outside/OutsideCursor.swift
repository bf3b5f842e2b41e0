/// Goes through a listing step by step.
struct OutsideCursor {
    enum Step {
        /// A segment, before what is in it.
        case segment(OutsideListing.Loaded)
        case item(OutsideListing.Item)
        /// What does not hold: a segment, or a file that lacks a part.
        case broken(BackupError)
    }

    private let listing: OutsideListing
    private var order = OutsideOrder()
    /// The segment that comes next.
    private var index = 0
    private var loaded: OutsideListing.Loaded?
    private var row = 0
    private var waiting: [Step] = []

    init(_ listing: OutsideListing) { self.listing = listing }

    /// The next step; nil at the end.
    mutating func next() throws -> Step? {
        while true {
            if let step = waiting.popLast() { return step }
            if let loaded, row < loaded.content.entries.count {
                take(loaded)
                continue
            }
            guard index < listing.segments.count else {
                return order.end().map(Step.broken)
            }
            loaded = nil
            row = 0
            index += 1
            do {
                let segment = try listing.load(index - 1)
                loaded = segment
                return .segment(segment)
            } catch let error as BackupError {
                waiting.append(.broken(error))
                if let error = order.end() { waiting.append(.broken(error)) }
            }
        }
    }

    private mutating func take(_ loaded: OutsideListing.Loaded) {
        let entry = loaded.content.entries[row]
        let step = order.take(entry, count: loaded.content.contentCount(entry))
        if step.isFirst {
            waiting.append(.item(OutsideListing.Item(entry: entry, segment: loaded, row: row)))
        }
        if let error = step.failure { waiting.append(.broken(error)) }
        row += 1
    }
}
