extension ObjectStore {
    /// The whole object.
    ///
    /// - Throws: `.notFound`; `.integrity` when it has more than `limit` bytes.
    public func read(_ name: ObjectName, limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        _ = try get(name, range: nil, unless: nil) { part in
            guard bytes.count + part.count <= limit else {
                throw StorageError(.integrity, "\(name) has more than \(limit) bytes")
            }
            bytes.append(contentsOf: part)
        }
        return bytes
    }

    /// `range` of an object.
    ///
    /// - Throws: `.notFound`, `.outOfRange`; `.integrity` when the object ends before the range does.
    public func read(_ name: ObjectName, range: Range<UInt64>) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        _ = try get(name, range: range, unless: nil) { bytes.append(contentsOf: $0) }
        guard bytes.count == range.count else {
            throw StorageError(.integrity, "\(name) ends before byte \(range.upperBound)")
        }
        return bytes
    }

    /// Everything whose name begins with `prefix`, page by page.
    public func forEach(
        prefix: String, pageSize: Int = 1000, _ body: (ObjectPage) throws -> Void
    ) throws {
        var after: String?
        repeat {
            let page = try list(prefix: prefix, after: after, limit: pageSize)
            try body(page)
            after = page.next
        } while after != nil
    }
}
