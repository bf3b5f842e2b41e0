/// The sizes that packs and manifests come in, so that a size tells little about what is inside.
///
/// At most 64 KiB: 64 KiB. Above: the next multiple of a sixteenth of the power of two below, which wastes at
/// most 6 %, on average 3 %.
package enum SizeGrid {
    /// The smallest size.
    package static let floor = 65_536

    /// The size on the grid for `count` bytes.
    package static func padded(_ count: Int) -> Int {
        guard count > floor else { return floor }
        let step = 1 << (Int.bitWidth - 1 - count.leadingZeroBitCount - 4)
        return (count + step - 1) / step * step
    }
}
