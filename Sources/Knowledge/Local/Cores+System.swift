internal import Glibc

/// How many cores there are.
enum Cores {
    /// C: sysconf
    static let count = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
}
