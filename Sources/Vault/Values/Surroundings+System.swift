internal import CSystem
internal import Glibc

extension Surroundings {
    /// The system's clock and getrandom(2).
    public static let system = Surroundings(
        now: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Timestamp(
                milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
        },
        random: { count in
            var bytes = [UInt8](repeating: 0, count: count)
            var filled = 0
            while filled < count {
                let got = bytes.withUnsafeMutableBytes {
                    getrandom($0.baseAddress! + filled, count - filled, 0)
                }
                if got < 0 && errno == EINTR { continue }
                guard got > 0 else { throw VaultError(.failed, "the system gives no random bytes") }
                filled += got
            }
            return bytes
        })
}
