/// What went wrong with an encrypted database, told apart all the way up to an exit code.
public struct EncryptedDatabaseError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New kinds can be added without breaking a caller's `switch`.
    public struct Code: Sendable, Hashable {
        enum Storage: Int32 {
            case tampered = 101
            case wrongKey, rollback, newerFormat, refused, unblinded, busy, io, exists,
                missing, unknownEpoch, locked
        }

        let storage: Storage

        /// Bytes do not authenticate, are missing or stand in a wrong place.
        public static let tampered = Code(storage: .tampered)
        /// The keys at hand are not those that the database was made with.
        public static let wrongKey = Code(storage: .wrongKey)
        /// A record is under an epoch that the key ring does not know, also after it was read anew: the ring
        /// is too old, or those four bytes were changed.
        public static let unknownEpoch = Code(storage: .unknownEpoch)
        /// The keys were replaced while the database was open, and the new ones are not at hand here.
        public static let locked = Code(storage: .locked)
        /// A file is authentic but older than another one that belongs to it, or gone.
        public static let rollback = Code(storage: .rollback)
        /// A newer version of the program wrote the file.
        public static let newerFormat = Code(storage: .newerFormat)
        /// Something that an encrypted database does not do: a plaintext file, another journal mode.
        public static let refused = Code(storage: .refused)
        /// A transaction did not write 16 random bytes (`EncryptedDatabase.blind`).
        public static let unblinded = Code(storage: .unblinded)
        /// Others hold a lock and did not let go of it in time.
        public static let busy = Code(storage: .busy)
        /// The operating system refused an operation on a file.
        public static let io = Code(storage: .io)
        /// There is a database already.
        public static let exists = Code(storage: .exists)
        /// There is no database, or no seal beside it.
        public static let missing = Code(storage: .missing)

        /// SQLite's extended result code: SQLITE_IOERR with a reason that SQLite itself does not use.
        var result: Int32 { 10 | storage.rawValue << 8 }
    }

    /// What kind of failure this is.
    public let code: Code
    /// One sentence for a person, without a full stop.
    public let message: String
    /// The page of the main file that does not authenticate, when there is one. Pages count from 1.
    public let page: UInt32?
    /// What to do about it, where there is something to do.
    public let hint: String?

    /// An error of kind `code` with a sentence for a person.
    public init(_ code: Code, _ message: String, page: UInt32? = nil, hint: String? = nil) {
        self.code = code
        self.message = message
        self.page = page
        self.hint = hint
    }

    /// The message alone.
    public var description: String { message }

    static func tampered(page: UInt32) -> EncryptedDatabaseError {
        EncryptedDatabaseError(
            .tampered, "page \(page) of the database does not authenticate", page: page,
            hint: "restore from a backup; ai-team doctor lists every damaged page")
    }

    static func unknownEpoch(_ epoch: UInt32, at position: Position) -> EncryptedDatabaseError {
        let place =
            position.frame > 0
            ? "frame \(position.frame) of the log"
            : position.page > 0 ? "page \(position.page) of the database" : "the log"
        return EncryptedDatabaseError(
            .unknownEpoch, "\(place) is under epoch \(epoch), which the key ring does not know",
            page: position.frame == 0 && position.page > 0 ? position.page : nil,
            hint: "put the newest key ring back; if it is in place, restore from a backup")
    }
}
