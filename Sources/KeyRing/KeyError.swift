import Cryptography
import FileSystem

/// What went wrong with keys. Never carries a secret, a passphrase or a part of one.
public struct KeyError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure; new kinds can be added without breaking a caller's `switch`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        enum Storage: String {
            case failed, notFound, wrongKey, locked, damagedRing, newerFormat, downgrade, rollback
            case invalidRoster, integrityFailure, guardRefused, conflict, busy, malformed, interrupted
            case deviceRevoked
        }

        let storage: Storage

        /// The operating system or the library refused.
        public static let failed = Code(storage: .failed)
        /// There is no ring, slot or key file there.
        public static let notFound = Code(storage: .notFound)
        /// No slot opens with this passphrase, key file or recovery code.
        public static let wrongKey = Code(storage: .wrongKey)
        /// The keys are not at hand: no agent runs and no secret was given.
        public static let locked = Code(storage: .locked)
        /// Both copies of the ring are cut or changed without care: their checksum is wrong.
        public static let damagedRing = Code(storage: .damagedRing)
        /// Written by a newer version of the program; nothing was touched.
        public static let newerFormat = Code(storage: .newerFormat)
        /// The ring asks for a cost of the passphrase function outside the limits.
        public static let downgrade = Code(storage: .downgrade)
        /// An older ring than the one known was put back.
        public static let rollback = Code(storage: .rollback)
        /// A record of the roster is forged, missing, or breaks a rule.
        public static let invalidRoster = Code(storage: .invalidRoster)
        /// A signature, a MAC or a tag does not fit: someone changed the files.
        public static let integrityFailure = Code(storage: .integrityFailure)
        /// Refused so that nobody locks himself out or weakens a rule by mistake.
        public static let guardRefused = Code(storage: .guardRefused)
        /// The state is not the one the caller saw.
        public static let conflict = Code(storage: .conflict)
        /// The vault's members have removed this device.
        public static let deviceRevoked = Code(storage: .deviceRevoked)
        /// Another process uses the home, which this operation needs to itself.
        public static let busy = Code(storage: .busy)
        /// What was typed or read is no recovery code, key file or message.
        public static let malformed = Code(storage: .malformed)

        /// The name in snake case, as JSON errors print it.
        public var description: String {
            storage.rawValue.reduce(into: "") { name, letter in
                if letter.isUppercase { name += "_" }
                name += letter.lowercased()
            }
        }
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

    /// A failed cryptographic operation on `what`, seen as the failure `code` unless the machine is to blame.
    init(_ error: CryptoError, _ code: Code, _ what: String) {
        switch error.code {
        case .libraryFailure, .randomFailure:
            self.init(.failed, "\(what): \(error.message)", hint: error.hint)
        default:
            self.init(code, "\(what): \(error.message)")
        }
    }

    /// A failed file operation.
    init(_ error: FileError) {
        self.init(.failed, "\(error)")
    }
}

/// Runs `body` and tells its failure as `code`: "`what`: ...".
func orKeyError<R: ~Copyable>(
    _ code: KeyError.Code, _ what: String, _ body: () throws(CryptoError) -> R
) throws(KeyError) -> R {
    do { return try body() } catch { throw KeyError(error, code, what) }
}

/// Runs `body`, telling a failed file operation as a `KeyError`.
func withFiles<R: ~Copyable>(_ body: () throws(FileError) -> R) throws(KeyError) -> R {
    do { return try body() } catch { throw KeyError(error) }
}
