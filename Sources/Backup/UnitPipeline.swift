internal import Compression
internal import Dispatch
internal import Synchronization

/// Compresses units on all cores and puts them into packs in the order in which they came.
///
/// Whoever submits goes on reading meanwhile. The thread that has compressed the unit whose turn it is places
/// it, and those after it that are ready; so placing, which encrypts, is done by one thread at a time
/// without having one to itself. Memory stays bounded by the bytes that are under way.
package final class UnitPipeline<Keys: BackupKeys>: Sendable {
    /// Room for what is under way, in parts of 256 KiB: the largest unit for each core and one more.
    private static var room: Int { 16 * (Cores.count + 1) }
    private static var partCount: Int { 1 << 18 }

    private struct Waiting {
        var name: String
        var bytes: [UInt8]
        var plainLength: UInt32
        var isList: Bool
    }

    private struct State {
        var submitted = 0
        /// The unit that is placed next.
        var next = 0
        var isPlacing = false
        var ready: [Int: Waiting] = [:]
        var places: [Place] = []
        var failure: (any Error)?
    }

    private struct Place {
        var pack: UInt32
        var offset: UInt64
        var length: UInt32
        var plainLength: UInt32
    }

    // SAFETY: the series is used by the thread that holds `isPlacing`, and between `drain` and the next
    // `submit` by the owner, never by two at once.
    private struct Owned: @unchecked Sendable { let series: PackSeries<Keys> }

    private let owned: Owned
    private let state = Mutex(State())
    private let room = DispatchSemaphore(value: UnitPipeline.room)
    private let group = DispatchGroup()

    package init(_ series: PackSeries<Keys>) { owned = Owned(series: series) }

    /// Takes a unit of at most 4 MiB; waits while too much is under way. For one thread.
    ///
    /// - Parameters:
    ///   - isCompressed: false for what would not get smaller.
    ///   - isList: whether the next backup has to read it.
    /// - Returns: its number, counted from 0.
    /// - Throws: what went wrong with an earlier one.
    package func submit(
        _ name: String, _ plain: [UInt8], compressing isCompressed: Bool = true, isList: Bool = false
    ) throws -> Int {
        let parts = max(1, plain.count / Self.partCount)
        for _ in 0..<parts { room.wait() }
        let number: Int
        do {
            number = try state.withLock { state in
                if let failure = state.failure { throw failure }
                state.submitted += 1
                return state.submitted - 1
            }
        } catch {
            leave(parts)
            throw error
        }
        DispatchQueue.global().async(group: group) { [self] in
            do {
                let bytes = isCompressed ? try Zstandard.compress(plain) : plain
                let unit = Waiting(
                    name: name, bytes: bytes, plainLength: UInt32(plain.count), isList: isList)
                state.withLock { $0.ready[number] = unit }
                try place()
            } catch {
                state.withLock { state in if state.failure == nil { state.failure = error } }
            }
            leave(parts)
        }
        return number
    }

    private func leave(_ parts: Int) { for _ in 0..<parts { room.signal() } }

    /// Waits until everything that was submitted has its place.
    ///
    /// - Throws: what went wrong with any of it.
    package func drain() throws {
        group.wait()
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// Where a unit stands.
    ///
    /// - Throws: `.failed` while it has no place yet.
    package func unit(_ number: Int) throws -> StoredUnit {
        let place = state.withLock { $0.places.indices.contains(number) ? $0.places[number] : nil }
        guard let place else { throw BackupError(.failed, "a unit without a place") }
        return StoredUnit(
            pack: owned.series.id(place.pack), offset: place.offset, length: place.length,
            plainLength: place.plainLength)
    }

    /// Bytes that the packs have so far; to be asked after `drain`.
    package var byteCount: UInt64 { owned.series.byteCount }

    /// Ends the last pack.
    package func finish() throws {
        try drain()
        try owned.series.finish()
    }

    /// Drops the pack that is open, once nobody works on it any more.
    package func abandon() throws {
        group.wait()
        try owned.series.abandon()
    }

    /// Places what is ready and whose turn it is, unless another thread does.
    private func place() throws {
        while let unit = next() {
            do {
                let extent = try owned.series.add(unit.name, unit.bytes, isList: unit.isList)
                state.withLock { state in
                    state.places.append(
                        Place(
                            pack: extent.pack, offset: extent.offset, length: extent.length,
                            plainLength: unit.plainLength))
                    state.isPlacing = false
                }
            } catch {
                // Nothing is placed after a failure: `isPlacing` stays.
                throw error
            }
        }
    }

    private func next() -> Waiting? {
        state.withLock { state in
            guard !state.isPlacing, state.failure == nil,
                let unit = state.ready.removeValue(forKey: state.next)
            else { return nil }
            state.next += 1
            state.isPlacing = true
            return unit
        }
    }
}
