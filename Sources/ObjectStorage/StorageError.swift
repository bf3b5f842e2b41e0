/// What went wrong at an object store, and what to do about it.
public struct StorageError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure; new kinds may come.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case notFound, preconditionFailed, unauthorized, forbidden, locked, throttled, unreachable
            case refused, clockSkew, notSupported, outOfRange, integrity, failed
        }
        private let kind: Kind

        /// No such object.
        public static let notFound = Code(kind: .notFound)
        /// The object is there, or is another one, against the condition of a put.
        public static let preconditionFailed = Code(kind: .preconditionFailed)
        /// The store does not know the key, or the signature does not fit.
        public static let unauthorized = Code(kind: .unauthorized)
        /// The key is good and may not do this.
        public static let forbidden = Code(kind: .forbidden)
        /// A lock of the bucket forbids it for now: later is a good answer.
        public static let locked = Code(kind: .locked)
        /// Too many requests, or two writes to one name at a time.
        public static let throttled = Code(kind: .throttled)
        /// No answer, half an answer, or the store's own failure; trying again may help.
        public static let unreachable = Code(kind: .unreachable)
        /// Asked for something that this store, or this program's rules, will not do.
        public static let refused = Code(kind: .refused)
        /// This machine's clock and the store's differ by more than the store takes.
        public static let clockSkew = Code(kind: .clockSkew)
        /// The store has no such function.
        public static let notSupported = Code(kind: .notSupported)
        /// A range that begins behind the object's end.
        public static let outOfRange = Code(kind: .outOfRange)
        /// The bytes that came, or that the store got, are not the ones that were meant.
        public static let integrity = Code(kind: .integrity)
        /// Anything else.
        public static let failed = Code(kind: .failed)

        public var description: String { kind.rawValue }
    }

    public let code: Code
    /// One line; lower case, no full stop. It names the object, and never a secret.
    public let message: String
    public let hint: String?
    /// How long the store asks to wait, in milliseconds.
    public let retryAfter: UInt64?
    /// The version of which a part came before the rest failed.
    let etag: ETag?

    public init(
        _ code: Code, _ message: String, hint: String? = nil, retryAfter: UInt64? = nil
    ) {
        self.init(code, message, hint: hint, retryAfter: retryAfter, etag: nil)
    }

    /// A read of that version that broke off.
    package init(_ code: Code, _ message: String, of etag: ETag?) {
        self.init(code, message, etag: etag)
    }

    init(_ code: Code, _ message: String, hint: String? = nil, retryAfter: UInt64? = nil, etag: ETag?) {
        self.code = code
        self.message = message
        self.hint = hint
        self.retryAfter = retryAfter
        self.etag = etag
    }

    public var description: String { message }

    /// True when the same request may succeed a moment later.
    public var isTransient: Bool { code == .throttled || code == .unreachable }
}
