/// Where the contents of a pack's members stand.
package struct PackMembers: Sendable {
    private let ranges: [Range<UInt64>]

    /// - Parameter members: in order.
    package init(_ members: [(name: String, offset: UInt64, length: UInt64)]) {
        ranges = members.map { $0.offset..<$0.offset + $0.length }
    }

    /// Whether an extent lies in one of them.
    package func hold(_ extent: Extent) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].lowerBound <= extent.offset { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return false }
        let end = extent.offset.addingReportingOverflow(UInt64(extent.length))
        return !end.overflow && end.partialValue <= ranges[low - 1].upperBound
    }
}
