internal import Dispatch
internal import Synchronization

/// Packs on their way to the disk.
final class PackCommits: Sendable {
    private let group = DispatchGroup()
    private let failure = Mutex<(any Error)?>(nil)

    /// Syncs the file and gives it its name, while others go on.
    func begin(_ file: PackFile, _ record: PackRecord) {
        DispatchQueue.global().async(group: group) { [self] in
            do {
                try file.commit(record)
            } catch {
                failure.withLock { first in if first == nil { first = error } }
            }
        }
    }

    /// Waits for all of them.
    ///
    /// - Throws: what went wrong with the first that failed.
    func wait() throws {
        group.wait()
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}
