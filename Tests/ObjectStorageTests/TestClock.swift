import ObjectStorage
import Synchronization
import TestSupport

/// A clock that only moves when it is told to, or when someone waits; nothing sleeps.
final class TestClock: Sendable {
    private struct State {
        var now: Int64 = 1_795_000_000_000
        var waits: [UInt64] = []
        var generator: SplitMix64
    }

    private let state: Mutex<State>

    init(seed: UInt64 = 1) { state = Mutex(State(generator: SplitMix64(seed: seed))) }

    var now: Int64 { state.withLock(\.now) }
    /// What was waited for, in milliseconds.
    var waits: [UInt64] { state.withLock(\.waits) }

    func advance(_ milliseconds: Int64) { state.withLock { $0.now += milliseconds } }

    var surroundings: StoreSurroundings {
        StoreSurroundings(
            now: { self.now }, uptime: { UInt64(self.now) * 1_000_000 },
            wait: { milliseconds in
                self.state.withLock { state in
                    state.now += Int64(milliseconds)
                    state.waits.append(milliseconds)
                }
            },
            random: { bound in
                self.state.withLock { UInt64.random(in: 0..<max(1, bound), using: &$0.generator) }
            })
    }
}
