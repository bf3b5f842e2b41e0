/// Tells of progress at the first bytes and then once a mebibyte, not with every small file.
struct ProgressSteps {
    private static let step: UInt64 = 1 << 20

    /// Bytes so far.
    private(set) var done: UInt64 = 0
    private var next: UInt64 = 0

    /// Counts bytes; `tell` is given their sum when it is time.
    mutating func add(_ count: Int, _ tell: (UInt64) -> Void) {
        done += UInt64(count)
        guard done >= next else { return }
        next = done + Self.step
        tell(done)
    }
}
