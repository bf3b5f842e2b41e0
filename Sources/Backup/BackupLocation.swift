/// Which of the places that hold a vault's backups a store is.
///
/// A chain of manifests is the same everywhere, but each place keeps its backups by rules of its own: a prune
/// record speaks of one location, and what a home has seen it has seen at one.
package enum BackupLocation: Sendable, Hashable {
    /// The local store of this device (16 bytes).
    case local(device: [UInt8])
    /// A remote with this id: 16 bytes that are not all zeros.
    case remote([UInt8])
    /// A store whose place nobody knows, such as a bucket that a bare machine recovers from: records of every
    /// place count, of whom they may speak as at a remote.
    case unknown

    /// How records and memories name it: 16 bytes, zeros for the local store of whoever wrote the record.
    package var id: [UInt8] {
        switch self {
        case .local, .unknown: Array(repeating: 0, count: 16)
        case .remote(let id): id
        }
    }
}
