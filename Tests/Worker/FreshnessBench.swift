import EncryptedSQLite
import GRDB
import TestSupport
import Vault

/// `TASKS ROUNDS`: what freshness costs, in milliseconds: opening a vault's database with and without a look
/// at its anchor, in turn; and a transaction with the checkpoint that follows it.
enum FreshnessBench {
    static func run(_ arguments: [String]) throws {
        let made = try VaultHome()
        let tasks = Int(arguments.first ?? "1000") ?? 1000
        let rounds = arguments.count > 1 ? Int(arguments[1]) ?? 100 : 100
        let vault = try made.open()
        for first in stride(from: 0, to: tasks, by: 500) {
            try vault.write { tx in
                for number in first..<min(first + 500, tasks) {
                    let text = String(repeating: "text ", count: 60)
                    _ = try tx.createTask(TaskDraft(title: "task \(number) \(text)"))
                }
            }
        }
        let pages = try vault.database.withSnapshot { $0.pageCount }
        try vault.close()
        let (path, keys) = (made.home.databasePath, try made.keys())
        let anchor = AnchorFile(of: made.home, keys: keys)
        var (plain, anchored): ([Double], [Double]) = ([], [])
        for round in 0..<2 * rounds {
            let isAnchored = round % 2 == 0
            let clock = ContinuousClock()
            var pool: EncryptedPool?
            let time = try clock.measure {
                pool = try EncryptedDatabase.open(at: path, keys: keys, anchor: isAnchored ? anchor : nil)
            }
            try pool?.close()
            if isAnchored { anchored.append(milliseconds(time)) } else { plain.append(milliseconds(time)) }
        }
        print(
            "\(pages) pages; opening: \(median(plain)) ms without the anchor, \(median(anchored)) ms with it")
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private static func milliseconds(_ time: Duration) -> Double {
        Double(time.components.seconds) * 1e3 + Double(time.components.attoseconds) / 1e15
    }
}
