internal import Glibc

/// How many cores there are: what is worth having under way at a time.
enum Cores {
    /// C: sysconf
    static let count = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
}
