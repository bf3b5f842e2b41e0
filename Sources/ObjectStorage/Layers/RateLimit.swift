internal import Synchronization

/// Spreads bytes over time. Who spends may overdraw, and whoever comes next waits until that is made good: an
/// object is sent as a whole, and the average holds.
final class RateLimit: Sendable {
    private let bytesPerSecond: UInt64
    private let surroundings: StoreSurroundings
    /// When all that was spent is made good, on the clock that only goes forward.
    private let free = Mutex<UInt64>(0)

    init(bytesPerSecond: UInt64, surroundings: StoreSurroundings) {
        self.bytesPerSecond = max(1, bytesPerSecond)
        self.surroundings = surroundings
    }

    /// Waits until the bytes of before are made good.
    func spend(_ bytes: UInt64) {
        let cost = UInt64(Double(bytes) / Double(bytesPerSecond) * 1e9)
        let now = surroundings.uptime()
        let start = free.withLock { free in
            let start = max(free, now)
            free = start &+ cost
            return start
        }
        if start > now { surroundings.wait((start - now + 999_999) / 1_000_000) }
    }
}
