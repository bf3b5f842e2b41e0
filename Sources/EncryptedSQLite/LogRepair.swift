import GRDB
import Synchronization

/// What is wrong with a log that recovery refuses, and what would be left of it.
public struct LogDamage: Sendable, Hashable {
    /// One sentence for a person.
    public let reason: String
    /// Frames that the log has.
    public let frames: UInt32
    /// Frames up to the last whole transaction before the damage.
    public let keptFrames: UInt32
    /// Transactions behind the damage that still authenticate; others may be among the damaged frames.
    public let lostTransactions: UInt32
    /// False when a checkpoint has already copied pages of frames that would go: the main file alone is at no
    /// commit then, and only a backup helps.
    public let canBeCut: Bool
}

/// How recovery treats a damaged log: it refuses it, or cuts it where the doctor was told to. And what it
/// found.
final class LogJudge: Sendable {
    let cuts: Bool
    private let damage = Mutex<LogDamage?>(nil)

    init(cuts: Bool) { self.cuts = cuts }

    var found: LogDamage? { damage.withLock { $0 } }

    func note(_ found: LogDamage) { damage.withLock { $0 = found } }
}

/// Repairing a log. The caller has the database to itself: a log is judged only when SQLite recovers it.
extension EncryptedDatabase {
    /// Opens and closes the database; what is wrong with its log, nil when it is whole. Changes nothing that
    /// is damaged. Throws what has nothing to do with the log.
    public static func logDamage(
        at path: String, keys: any DatabaseKeySource, anchor: AnchorFile? = nil
    ) throws -> LogDamage? {
        try judge(path, keys, LogJudge(cuts: false), anchor)
    }

    /// Cuts a damaged log behind the last whole transaction before the damage, and empties what is left into
    /// the main file. Nil, and nothing done, when the log is whole.
    @discardableResult
    public static func cutDamagedLog(
        at path: String, keys: any DatabaseKeySource, anchor: AnchorFile? = nil
    ) throws -> LogDamage? {
        try judge(path, keys, LogJudge(cuts: true), anchor)
    }

    private static func judge(
        _ path: String, _ keys: any DatabaseKeySource, _ judge: LogJudge, _ anchor: AnchorFile?
    ) throws -> LogDamage? {
        do {
            try open(at: path, keys: keys, configuration: Configuration(), judge: judge, anchor: anchor)
                .close()
            return judge.found
        } catch {
            guard !judge.cuts, let damage = judge.found else { throw error }
            return damage
        }
    }
}
