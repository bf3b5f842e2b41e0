import FileSystem
import Glibc
import Synchronization

/// The end of this process by kill -9 at a chosen change to the file system: a moment that no clock decides.
enum Death {
    private static let count = Mutex(0)

    /// Counts changes from here on, and dies at the N-th; 0: never.
    static func at(_ change: Int) {
        count.withLock { $0 = 0 }
        IOTrace.start { _ in
            let now = count.withLock { count in
                count += 1
                return count
            }
            if now == change { kill(getpid(), SIGKILL) }
        }
    }

    /// Does not die any more.
    ///
    /// - Returns: how many changes there were.
    @discardableResult
    static func averted() -> Int {
        IOTrace.stop()
        return count.withLock { $0 }
    }
}
