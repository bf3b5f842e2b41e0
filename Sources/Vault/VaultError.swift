/// What went wrong in the vault, in words for the person who asked, with what to do next.
public struct VaultError: Error, Sendable, Equatable {
    /// A kind of failure. Its raw value is the `code` of the command line's JSON errors.
    public struct Code: Sendable, Hashable {
        public let rawValue: String

        package init(_ rawValue: String) { self.rawValue = rawValue }

        /// The operation failed for a reason that no other code names.
        public static let failed = Code("failed")
        /// A value that the vault can't take: an unknown status, a title without text, malformed JSON.
        public static let invalid = Code("invalid")
        /// Nothing has this id, or there is no home here.
        public static let notFound = Code("not_found")
        /// More than one record matches a shortened id; `candidates` names them.
        public static let ambiguousID = Code("ambiguous_id")
        /// The state forbids it: an illegal transition, a cycle, a home that exists already.
        public static let conflict = Code("conflict")
        /// Another process holds what is needed.
        public static let busy = Code("busy")
        /// A setting differs from its confirmed value, or a dangerous step needs a flag.
        public static let guardRefused = Code("guard")
        /// The lease of a claimed task is no longer the caller's.
        public static let leaseLost = Code("lease_lost")
        /// The home was written by a newer program.
        public static let newerFormat = Code("newer_format")
        /// Stored bytes fail authentication or contradict what names them.
        public static let integrityFailure = Code("integrity_failure")
        /// What is stored is authentic, but older than what was seen before.
        public static let rollback = Code("rollback")
    }

    public let code: Code
    /// What happened and why: lower case, no full stop.
    public let message: String
    /// What to do about it, if something can be done.
    public let hint: String?
    /// The ids that a shortened one could mean.
    public let candidates: [String]

    public init(_ code: Code, _ message: String, hint: String? = nil, candidates: [String] = []) {
        self.code = code
        self.message = message
        self.hint = hint
        self.candidates = candidates
    }
}

extension VaultError: CustomStringConvertible {
    public var description: String { hint.map { "\(message) (\($0))" } ?? message }
}
