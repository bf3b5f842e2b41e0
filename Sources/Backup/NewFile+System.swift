internal import CSystem
internal import Glibc

/// A file while it is written: blocks of zeros become holes.
struct NewFile {
    /// Shorter runs of zeros are written.
    private static let holeCount = 4096

    let descriptor: Int32
    /// For messages.
    let name: String
    private var count: Int64 = 0
    private var endsInHole = false

    init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Appends.
    mutating func append(_ bytes: UnsafeRawBufferPointer) throws {
        if bytes.count >= Self.holeCount, isZero(bytes) {
            count += Int64(bytes.count)
            endsInHole = true
            return
        }
        var rest = bytes
        while !rest.isEmpty {
            let written = pwrite(descriptor, rest.baseAddress, rest.count, off_t(count))
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failure("write") }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
            count += Int64(written)
            endsInHole = false
        }
    }

    /// Gives it its length, permissions (nine bits of them) and time.
    func finish(permissions: UInt16, modified: Int64) throws {
        if endsInHole {
            guard ftruncate(descriptor, off_t(count)) == 0 else { throw failure("ftruncate") }
        }
        guard fchmod(descriptor, mode_t(permissions & 0o777)) == 0 else { throw failure("fchmod") }
        var times = [timespec(), timespec(modified)]
        times[0].tv_nsec = Int(UTIME_OMIT_VALUE)
        _ = futimens(descriptor, times)
    }

    private func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress, bytes[0] == 0 else { return false }
        return memcmp(base, base + 1, bytes.count - 1) == 0
    }

    private func failure(_ operation: String) -> BackupError { .system(operation, name) }
}

extension timespec {
    /// From nanoseconds since 1970.
    init(_ nanoseconds: Int64) {
        let seconds = nanoseconds / 1_000_000_000
        let rest = nanoseconds - seconds * 1_000_000_000
        self =
            rest < 0
            ? timespec(tv_sec: Int(seconds) - 1, tv_nsec: Int(rest) + 1_000_000_000)
            : timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
    }
}

/// C: UTIME_OMIT, a macro that Swift does not see.
private let UTIME_OMIT_VALUE = (1 << 30) - 2
