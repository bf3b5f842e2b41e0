internal import Glibc

/// What a store takes from the world: time, waiting and chance. Tests pass their own, so that nothing sleeps.
public struct StoreSurroundings: Sendable {
    /// Milliseconds since 1970. It signs requests and does nothing else.
    public let now: @Sendable () -> Int64
    /// A clock that only goes forward, also while the machine sleeps, in nanoseconds.
    public let uptime: @Sendable () -> UInt64
    /// Waits that many milliseconds.
    public let wait: @Sendable (UInt64) -> Void
    /// A number below the bound, for spreading waits.
    public let random: @Sendable (UInt64) -> UInt64

    public init(
        now: @escaping @Sendable () -> Int64, uptime: @escaping @Sendable () -> UInt64,
        wait: @escaping @Sendable (UInt64) -> Void, random: @escaping @Sendable (UInt64) -> UInt64
    ) {
        self.now = now
        self.uptime = uptime
        self.wait = wait
        self.random = random
    }

    /// The machine's.
    public static let system = StoreSurroundings(
        now: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        },
        uptime: {
            var time = timespec()
            clock_gettime(CLOCK_BOOTTIME, &time)
            return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        },
        wait: { milliseconds in
            var left = timespec(
                tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
            var rest = timespec()
            while nanosleep(&left, &rest) != 0, errno == EINTR { left = rest }
        },
        random: { UInt64.random(in: 0..<max(1, $0)) })
}
