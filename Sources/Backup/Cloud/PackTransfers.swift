internal import Dispatch
internal import Synchronization

/// Moves packs on several threads. The first failure stops all of them.
enum PackTransfers {
    static let width = 4

    /// - Parameters:
    ///   - move: moves one; tells the bytes it moved.
    ///   - progress: called on this thread now and then, with the bytes that were moved so far.
    static func run(
        _ packs: [PackRecord], progress: (UInt64) -> Void,
        _ move: @escaping @Sendable (PackRecord, _ moved: (UInt64) throws -> Void) throws -> Void
    ) throws {
        let queue = Queue(packs)
        let group = DispatchGroup()
        for _ in 0..<min(width, packs.count) {
            DispatchQueue.global().async(group: group) {
                while let pack = queue.next() {
                    do { try move(pack, queue.add) } catch { queue.stop(error) }
                }
            }
        }
        while group.wait(timeout: .now() + .milliseconds(100)) == .timedOut { progress(queue.done) }
        progress(queue.done)
        if let error = queue.error { throw error }
    }

    private final class Queue: Sendable {
        private struct State {
            var left: ArraySlice<PackRecord>
            var done: UInt64 = 0
            var error: (any Error)?
        }

        private let state: Mutex<State>

        init(_ packs: [PackRecord]) { state = Mutex(State(left: packs[...])) }

        var done: UInt64 { state.withLock { $0.done } }
        var error: (any Error)? { state.withLock { $0.error } }

        func next() -> PackRecord? { state.withLock { $0.error == nil ? $0.left.popFirst() : nil } }

        func stop(_ error: any Error) {
            state.withLock { if $0.error == nil { $0.error = error } }
        }

        /// - Throws: what stopped another thread.
        func add(_ count: UInt64) throws {
            let error = state.withLock { state in
                state.done &+= count
                return state.error
            }
            if let error { throw error }
        }
    }
}
