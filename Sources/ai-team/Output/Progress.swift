import Synchronization

/// A bar on standard error while something long runs; nothing at all when that is not a terminal.
final class Progress: Sendable {
    private struct State {
        var shown = ContinuousClock.now - .seconds(1)
        var drawn = false
    }

    private let title: String
    private let enabled: Bool
    private let state = Mutex(State())

    init(_ title: String, console: Console) {
        self.title = title
        enabled = StandardError.isTerminal && !console.quiet
    }

    /// Shows that `done` of `total` bytes or things are done; drawn at most ten times a second.
    func update(done: Int64, total: Int64) {
        guard enabled, total > 0 else { return }
        state.withLock { state in
            let now = ContinuousClock.now
            guard now - state.shown >= .milliseconds(100) || done >= total else { return }
            state.shown = now
            state.drawn = true
            let share = min(1, Double(done) / Double(total))
            let filled = Int(share * 30)
            let bar =
                String(repeating: "#", count: filled) + String(repeating: "-", count: 30 - filled)
            StandardError.write("\r\(title) [\(bar)] \(Int(share * 100)) %\u{1B}[K")
        }
    }

    /// Removes the bar.
    func finish() {
        state.withLock { state in
            if state.drawn { StandardError.write("\r\u{1B}[K") }
            state.drawn = false
        }
    }
}
