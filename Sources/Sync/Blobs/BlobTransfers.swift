internal import Dispatch
internal import Synchronization
internal import Vault

/// Moves blobs on several threads, and writes down what was moved now and then on the caller's: what a crash
/// interrupts has to be moved again only as far as it was not written down.
enum BlobTransfers {
    /// The store keeps the number of requests at a time below its own limit.
    private static let width = 8
    private static let interval = DispatchTimeInterval.milliseconds(200)

    /// - Parameters:
    ///   - blobs: in this order.
    ///   - move: moves one, on any thread.
    ///   - progress: is given the bytes of content that were moved, of how many.
    ///   - settle: writes down what was moved.
    /// - Throws: the first error of `move`, once what was moved by then is settled; what `settle` throws.
    static func run<Moved: Sendable>(
        _ blobs: [BlobReference], progress: (_ done: Int64, _ total: Int64) -> Void,
        move: @escaping @Sendable (BlobReference) throws -> Moved, settle: ([Moved]) throws -> Void
    ) throws {
        let queue = Queue<Moved>(blobs)
        let group = DispatchGroup()
        for _ in 0..<min(width, blobs.count) {
            DispatchQueue.global().async(group: group) {
                while let blob = queue.next() {
                    do { queue.finished(blob, try move(blob)) } catch { queue.stop(error) }
                }
            }
        }
        let total = blobs.reduce(Int64(0)) { $0 &+ $1.size }
        var isOver = false
        while !isOver {
            isOver = group.wait(timeout: .now() + interval) == .success
            do { try settle(queue.takeMoved()) } catch {
                queue.stop(error)
                group.wait()
                throw error
            }
            progress(queue.done, total)
        }
        if let error = queue.error { throw error }
    }

    private final class Queue<Moved: Sendable>: Sendable {
        private struct State {
            var left: ArraySlice<BlobReference>
            var moved: [Moved] = []
            var done: Int64 = 0
            var error: (any Error)?
        }

        private let state: Mutex<State>

        init(_ blobs: [BlobReference]) { state = Mutex(State(left: blobs[...])) }

        var done: Int64 { state.withLock { $0.done } }
        var error: (any Error)? { state.withLock { $0.error } }

        func next() -> BlobReference? { state.withLock { $0.error == nil ? $0.left.popFirst() : nil } }

        func finished(_ blob: BlobReference, _ moved: Moved) {
            state.withLock {
                $0.moved.append(moved)
                $0.done &+= blob.size
            }
        }

        func stop(_ error: any Error) {
            state.withLock { if $0.error == nil { $0.error = error } }
        }

        func takeMoved() -> [Moved] {
            state.withLock { state in
                defer { state.moved = [] }
                return state.moved
            }
        }
    }
}
