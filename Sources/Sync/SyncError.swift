/// What went wrong while syncing.
public struct SyncError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure; new kinds can be added without breaking a caller's `switch`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        enum Storage: String {
            case integrityFailure = "integrity_failure"
            case newerFormat = "newer_format"
            case conflict
            case remoteRefused = "remote_refused"
            case remoteUnreachable = "remote_unreachable"
            case guardNeeded = "guard"
            case leaseLost = "lease_lost"
            case rollback
        }

        let storage: Storage

        /// A signature, a tag, a hash or a link does not fit, or the storage holds something back.
        public static let integrityFailure = Code(storage: .integrityFailure)
        /// Written by a newer program.
        public static let newerFormat = Code(storage: .newerFormat)
        /// The state is not the one that the caller saw, or this device was cloned.
        public static let conflict = Code(storage: .conflict)
        /// The remote said no.
        public static let remoteRefused = Code(storage: .remoteRefused)
        /// The remote did not answer.
        public static let remoteUnreachable = Code(storage: .remoteUnreachable)
        /// The operation needs a flag that says that it is meant.
        public static let guardNeeded = Code(storage: .guardNeeded)
        /// Another device's claim of a task stands.
        public static let leaseLost = Code(storage: .leaseLost)
        /// The database is older than one that this device's own head has seen.
        public static let rollback = Code(storage: .rollback)

        /// As JSON errors print it.
        public var description: String { storage.rawValue }
    }

    /// What kind of failure this is.
    public let code: Code
    /// One sentence for a person, without a full stop.
    public let message: String
    /// What to do about it, where there is something to do.
    public let hint: String?

    /// An error with a sentence for a person.
    public init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    public var description: String { message }

    /// An object that can't be believed, and why.
    static func integrity(_ object: String, _ reason: String) -> SyncError {
        SyncError(
            .integrityFailure, "\(object) can't be trusted: \(reason)",
            hint: "the storage or a device changed it; the rest was used, and nothing local was lost")
    }
}
