internal import Dispatch
internal import Synchronization

/// The second half of a batch of an upload, which waits for the disk, on a thread of its own while the next
/// batch is read.
final class UploadSettling: Sendable {
    private let group = DispatchGroup()
    private let result = Mutex<Result<[UploadResult], any Error>>(.success([]))

    init(_ body: @escaping @Sendable () throws -> [UploadResult]) {
        DispatchQueue.global().async(group: group) {
            let result = Result { try body() }
            self.result.withLock { $0 = result }
        }
    }

    /// Waits, and gives what `body` returned or throws what it threw.
    func finish() throws -> [UploadResult] {
        wait()
        return try result.withLock { $0 }.get()
    }

    func wait() { group.wait() }
}
