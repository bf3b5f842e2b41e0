internal import Synchronization

/// Reads extents for several threads, one after the other.
final class SharedFetch: Sendable {
    // SAFETY: called by who holds `turn`, so never by two threads at once.
    private struct Owned: @unchecked Sendable { let fetch: OutsideListing.Fetch }

    private let owned: Owned
    private let turn = Mutex(())

    init(_ fetch: @escaping OutsideListing.Fetch) { owned = Owned(fetch: fetch) }

    /// The bytes of an extent.
    func callAsFunction(_ extent: Extent) throws -> [UInt8] {
        try turn.withLock { _ in try owned.fetch(extent) }
    }
}
