import Backup
import Cryptography
import EncryptedSQLite
import FileSystem
import KeyRing
import Knowledge
import ObjectStorage
import Sync
import Vault

/// Errors of the targets below, told in the words and codes of the command line.
extension Failure {
    /// Nil when the error is ArgumentParser's own: help, version or wrong usage.
    init?(describing error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let error as VaultError:
            self.init(
                Code(named: error.code.rawValue), error.message, hint: error.hint,
                candidates: error.candidates)
        case let error as KeyError:
            self.init(Code(named: error.code.description), error.message, hint: error.hint)
        case let error as EncryptedDatabaseError:
            self.init(Self.code(of: error), error.message, hint: error.hint)
        case let error as BackupError:
            self.init(Self.code(of: error), error.description, hint: error.hint)
        case let error as StorageError:
            self.init(Self.code(of: error), error.message, hint: error.hint)
        case let error as SyncError:
            self.init(Code(named: error.code.description), error.message, hint: error.hint)
        case let error as EmbeddingError:
            self.init(
                error.code == .unreachable ? .remoteUnreachable : .failed, error.message, hint: error.hint)
        case let error as CryptoError: self.init(Self.code(of: error), error.message, hint: error.hint)
        case let error as FileError:
            self.init(error.isNotFound ? .notFound : .failed, "\(error)")
        default: return nil
        }
    }

    private static func code(of error: EncryptedDatabaseError) -> Code {
        switch error.code {
        case .tampered: .integrityFailure
        case .wrongKey, .unknownEpoch: .wrongKey
        case .locked: .locked
        case .rollback: .rollback
        case .newerFormat: .newerFormat
        case .busy: .busy
        case .exists: .conflict
        case .missing: .notFound
        default: .failed
        }
    }

    private static func code(of error: BackupError) -> Code {
        switch error.code {
        case .notFound: .notFound
        case .ambiguous: .ambiguousID
        case .integrity: .integrityFailure
        case .rollback: .rollback
        case .newerFormat: .newerFormat
        case .conflict: .conflict
        case .guardRefused: .refusedByGuard
        case .locked: .locked
        default: .failed
        }
    }

    private static func code(of error: StorageError) -> Code {
        switch error.code {
        case .unreachable, .throttled: .remoteUnreachable
        case .integrity: .integrityFailure
        default: .remoteRefused
        }
    }

    /// One that comes up here unexplained: bytes that don't authenticate, unless the machine is to blame.
    private static func code(of error: CryptoError) -> Code {
        error.code == .libraryFailure || error.code == .randomFailure ? .failed : .integrityFailure
    }
}

extension Failure.Code {
    /// The code of that name; names that are reasons rather than codes are told as what they mean.
    init(named name: String) {
        let known: [Failure.Code] = [
            .failed, .newerFormat, .notFound, .ambiguousID, .locked, .wrongKey, .conflict, .busy,
            .refusedByGuard, .leaseLost, .integrityFailure, .rollback, .downgrade, .usage, .remoteRefused,
            .remoteUnreachable, .deviceRevoked,
        ]
        let meanings: [String: Failure.Code] = [
            "invalid": .usage, "damaged_ring": .integrityFailure, "invalid_roster": .integrityFailure,
            "guard_refused": .refusedByGuard, "malformed": .wrongKey,
        ]
        self = known.first { $0.name == name } ?? meanings[name] ?? .failed
    }
}
