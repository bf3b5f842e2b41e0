import Synchronization

/// One change to the file system, in the order in which the program made it.
public enum IOEvent: Sendable {
    /// A file was opened for writing and may have been made.
    case open(path: String)
    case write(path: String, offset: Int64, bytes: [UInt8])
    case truncate(path: String, size: Int64)
    case sync(path: String)
    case rename(from: String, to: String)
    case link(from: String, to: String)
    case remove(path: String)
    case makeDirectory(path: String)
    case syncDirectory(path: String)
    case syncFileSystem
}

/// Announces every change to whoever records them: the power-cut tests replay such a record and lose,
/// by seed, what had not been synced. Costs one relaxed load while nobody records.
public enum IOTrace {
    private static let active = Atomic<Bool>(false)
    private static let recorder = Mutex<(@Sendable (IOEvent) -> Void)?>(nil)

    /// Tells the recorder, if there is one.
    @inline(__always)
    public static func note(_ event: @autoclosure () -> IOEvent) {
        if active.load(ordering: .relaxed) { deliver(event()) }
    }

    /// Every event of the process goes to `receive` until `stop`; one recorder at a time.
    package static func start(_ receive: @escaping @Sendable (IOEvent) -> Void) {
        recorder.withLock { $0 = receive }
        active.store(true, ordering: .sequentiallyConsistent)
    }

    package static func stop() {
        active.store(false, ordering: .sequentiallyConsistent)
        recorder.withLock { $0 = nil }
    }

    private static func deliver(_ event: IOEvent) {
        recorder.withLock { $0?(event) }
    }
}
