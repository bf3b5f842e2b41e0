/// What went wrong in compressing or expanding.
public struct CompressionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New kinds can be added without breaking a caller's `switch`.
    public struct Code: Sendable, Hashable {
        enum Storage { case aboveLimit, wrongLength, malformed, libraryFailure }

        let storage: Storage

        /// The declared length is above what the caller allows; nothing was expanded.
        public static let aboveLimit = Code(storage: .aboveLimit)
        /// There was more or less than the declared length.
        public static let wrongLength = Code(storage: .wrongLength)
        /// Not one zstd frame, or a damaged one, or bytes after its end.
        public static let malformed = Code(storage: .malformed)
        /// libzstd failed where it never should: out of memory.
        public static let libraryFailure = Code(storage: .libraryFailure)
    }

    /// What kind of failure this is.
    public let code: Code
    /// One sentence for a person, without a full stop.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message alone.
    public var description: String { message }
}
