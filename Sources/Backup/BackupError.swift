/// What went wrong in a backup, restore or export, what it means for the user and what to do next.
public struct BackupError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. The command line maps it to an exit code; new codes may come.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case failed, notFound, ambiguous, integrity, rollback, newerFormat, conflict, guardRefused, locked
        }
        private let kind: Kind

        /// Something outside the program's control failed: a file, a library, a full disk.
        public static let failed = Code(kind: .failed)
        /// No such backup, document or file.
        public static let notFound = Code(kind: .notFound)
        /// The given id fits several backups.
        public static let ambiguous = Code(kind: .ambiguous)
        /// A signature, hash, tag or structure does not hold: damaged or tampered with.
        public static let integrity = Code(kind: .integrity)
        /// Something older than what was seen before, or a fork of it.
        public static let rollback = Code(kind: .rollback)
        /// Written by a newer version of this program.
        public static let newerFormat = Code(kind: .newerFormat)
        /// The state does not allow it now, for example because another process works in the home.
        public static let conflict = Code(kind: .conflict)
        /// Needs the user's explicit word (a flag).
        public static let guardRefused = Code(kind: .guardRefused)
        /// No key opens it.
        public static let locked = Code(kind: .locked)

        public var description: String { kind.rawValue }
    }

    /// The kind of failure.
    public let code: Code
    /// One line that says what failed; lower case, no full stop.
    public let message: String
    /// One line that says what to do about it, if there is something to do.
    public let hint: String?
    /// The object that is concerned (a manifest, a pack, a member), if one is.
    public let object: String?

    /// Makes an error.
    public init(_ code: Code, _ message: String, object: String? = nil, hint: String? = nil) {
        self.code = code
        self.message = message
        self.object = object
        self.hint = hint
    }

    public var description: String { object.map { "\($0): \(message)" } ?? message }

    /// A structure that does not hold.
    static func integrity(_ object: String, _ message: String) -> BackupError {
        BackupError(.integrity, message, object: object)
    }
}
