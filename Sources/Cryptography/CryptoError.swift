/// What went wrong in a cryptographic operation. Never says more than a caller may print: no key material, no
/// bytes of the input.
public struct CryptoError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New kinds can be added without breaking a caller's `switch`.
    public struct Code: Sendable, Hashable {
        enum Storage: String {
            case authenticationFailed, invalidKey, invalidLength, invalidPoint
            case parameterOutOfRange, libraryFailure, randomFailure, malformed
        }

        let storage: Storage

        /// A tag or a signature does not fit: the data was changed, cut, or belongs elsewhere.
        public static let authenticationFailed = Code(storage: .authenticationFailed)
        /// The key is not the one the data was made with (a commitment does not fit).
        public static let invalidKey = Code(storage: .invalidKey)
        /// A key, nonce, signature or input has a length that the construction does not allow.
        public static let invalidLength = Code(storage: .invalidLength)
        /// A public key is not acceptable: non-canonical, of small order, or leading to a zero secret.
        public static let invalidPoint = Code(storage: .invalidPoint)
        /// A parameter read from a file is outside the limits; nothing was computed with it.
        public static let parameterOutOfRange = Code(storage: .parameterOutOfRange)
        /// libcrypto refused something that it never should: out of memory, a broken installation.
        public static let libraryFailure = Code(storage: .libraryFailure)
        /// The kernel gave no randomness.
        public static let randomFailure = Code(storage: .randomFailure)
        /// Bytes that do not follow the canonical encoding.
        public static let malformed = Code(storage: .malformed)
    }

    /// What kind of failure this is.
    public let code: Code
    /// One sentence for a person, without a full stop.
    public let message: String
    /// What to do about it, where there is something to do.
    public let hint: String?

    /// An error of kind `code` with a sentence for a person.
    public init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// The message alone.
    public var description: String { message }
}
