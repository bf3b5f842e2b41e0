import ObjectStorage
import Synchronization
import TestSupport
import Testing

/// A store that is given up when its time is over.
struct DeadlineTests {
    private final class Clock: Sendable {
        private let time = Mutex<UInt64>(5_000_000_000)
        var nanoseconds: UInt64 { time.withLock(\.self) }
        func advance(milliseconds: UInt64) { time.withLock { $0 += milliseconds * 1_000_000 } }
    }

    @Test func nothingIsAskedAfterTheDeadline() throws {
        let clock = Clock()
        let directory = try TemporaryDirectory()
        let counting = CountingStore(try Stores.open(StoreURL("file://" + directory("b")), .init()).store)
        let surroundings = StoreSurroundings(
            now: { 0 }, uptime: { clock.nanoseconds }, wait: { _ in }, random: { _ in 0 })
        let store = DeadlineStore(counting, milliseconds: 1000, surroundings: surroundings)
        let name = try #require(ObjectName("a"))
        _ = try store.put(name, .bytes([1]), .ifAbsent)
        clock.advance(milliseconds: 600)
        // What is done meanwhile costs none of the time.
        store.pausing { clock.advance(milliseconds: 60_000) }
        clock.advance(milliseconds: 399)
        #expect(try store.head(name) != nil)
        clock.advance(milliseconds: 1)
        let asked = counting.counts.requests
        #expect {
            _ = try store.get(name, range: nil, unless: nil) { _ in }
        } throws: { error in
            (error as? StorageError)?.code == .unreachable
        }
        #expect(counting.counts.requests == asked)
    }
}
