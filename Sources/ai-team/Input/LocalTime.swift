import Glibc

/// The system's time zone.
enum LocalTime {
    /// Milliseconds that local time is ahead of UTC at a moment, given in milliseconds since 1970.
    /// C: localtime_r
    static func offset(at milliseconds: UInt64) -> Int64 {
        var seconds = time_t(clamping: milliseconds / 1000)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return 0 }
        return Int64(parts.tm_gmtoff) * 1000
    }
}
