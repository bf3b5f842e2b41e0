internal import Dispatch
internal import Synchronization

/// Runs pieces of work on all cores while one thread goes on making them. What they give comes back in the
/// order in which they were handed in; at most `limit` are under way, so memory stays bounded.
final class Workers<Output: Sendable>: Sendable {
    private static var limit: Int { 12 }

    private struct State {
        var submitted = 0
        var outputs: [Int: Output] = [:]
        var failures: [Int: any Error] = [:]

        var failure: (any Error)? { failures.min { $0.key < $1.key }?.value }
    }

    private let state = Mutex(State())
    private let room = DispatchSemaphore(value: Workers.limit)
    private let group = DispatchGroup()

    private init() {}

    /// Lends workers to `body`; returns when nothing is under way any more.
    ///
    /// - Throws: what the first piece of work that failed did, else what `body` threw.
    static func run(_ body: (Workers) throws -> Void) throws -> [Output] {
        let workers = Workers()
        let result = Result { try body(workers) }
        workers.group.wait()
        return try workers.state.withLock { state in
            if let failure = state.failure { throw failure }
            try result.get()
            return state.outputs.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    /// Hands in a piece of work; waits while too many are under way.
    ///
    /// - Throws: what an earlier one did.
    func submit(_ work: @escaping @Sendable () throws -> Output) throws {
        room.wait()
        let number: Int
        do {
            number = try state.withLock { state in
                if let failure = state.failure { throw failure }
                state.submitted += 1
                return state.submitted
            }
        } catch {
            room.signal()
            throw error
        }
        DispatchQueue.global().async(group: group) { [self] in
            do {
                let output = try work()
                state.withLock { $0.outputs[number] = output }
            } catch {
                state.withLock { $0.failures[number] = error }
            }
            room.signal()
        }
    }
}
