import FileSystem
import Glibc
import TestSupport
import Vault

/// Commands on the vault of a `VaultHome`, named by its root.
enum VaultWorker {
    private static let sizes = [0, 1, 700, 5000, 70_000, 300_000, 1_500_000]

    /// `ROOT NAME SEED COUNT`: creates and completes tasks and uploads files, at random, and says what was
    /// acknowledged: `task ID`, `done ID`, `doc ID SEED SIZE`. COUNT steps, or for ever when it is 0.
    static func churn(_ arguments: [String]) throws {
        let (root, name) = (arguments[0], arguments[1])
        var random = SplitMix64(seed: UInt64(arguments[2]) ?? 0)
        let count = Int(arguments[3]) ?? 0
        let vault = try VaultHome.open(root)
        var open: [String] = []
        var step = 0
        while count == 0 || step < count {
            step += 1
            switch random.next() % 5 {
            case 0, 1:
                let title = "\(name) \(step)"
                let id = try vault.write(actor: name) { try $0.createTask(TaskDraft(title: title)).id }
                open.append(id)
                say("task \(id)")
            case 2:
                guard let id = open.popLast() else { continue }
                try vault.write { try $0.completeTask(id) }
                say("done \(id)")
            default: try upload(vault, "\(root)/files/\(name)", &random)
            }
        }
        try vault.close()
    }

    /// New files and new versions of known ones.
    private static func upload(_ vault: Vault, _ folder: String, _ random: inout SplitMix64) throws {
        try Files.createDirectory(folder)
        var made: [[UInt8]: (UInt64, Int)] = [:]
        for _ in 0...(random.next() % 6) {
            let path = "\(folder)/f\(random.next() % 12)"
            let (seed, size) = (random.next(), sizes[Int(random.next() % UInt64(sizes.count))])
            let file = try File.open(path, .create)
            try file.truncate(to: 0)
            try file.write(madeBytes(seed: seed, count: size), at: 0)
            made[Array(path.utf8)] = (seed, size)
        }
        let report = try vault.upload(Array(made.keys), workingDirectory: Array(folder.utf8))
        for result in report.uploaded {
            guard let (seed, size) = made[result.path] else { continue }
            say("doc \(result.id) \(seed) \(size)")
        }
        for failure in report.failed { throw failure.error }
    }

    /// `ROOT COUNT`: transactions of two tasks each that also count themselves in a setting.
    static func pairs(_ arguments: [String]) throws {
        let vault = try VaultHome.open(arguments[0])
        for _ in 0..<(Int(arguments[1]) ?? 0) {
            try vault.write { tx in
                for _ in 0..<2 { try tx.createTask(TaskDraft(title: "one of a pair")) }
                let count = try tx.setting("pairs").flatMap { Int($0) } ?? 0
                try tx.setSetting("pairs", String(count + 1))
            }
        }
        try vault.close()
        say("ended")
    }

    /// `ROOT COUNT`: reads; a transaction of `pairs` is seen whole or not at all.
    static func readPairs(_ arguments: [String]) throws {
        let vault = try VaultHome.open(arguments[0])
        for _ in 0..<(Int(arguments[1]) ?? 0) {
            let (tasks, pairs) = try vault.read { tx in
                (try tx.statistics().tasks, try tx.setting("pairs").flatMap { Int($0) } ?? 0)
            }
            guard tasks == 2 * pairs else {
                throw VaultError(.failed, "\(tasks) tasks of \(pairs) pairs")
            }
        }
        try vault.close()
        say("ended")
    }

    /// `ROOT CANARY`: puts the canary wherever text goes, round after round, until it is killed.
    static func canary(_ arguments: [String]) throws {
        let (root, canary) = (arguments[0], arguments[1])
        let vault = try VaultHome.open(root)
        let folder = "\(root)/files/\(canary)"
        try Files.createDirectory(folder)
        for round in 1... {
            let text = String(repeating: "\(canary) \(round) ", count: 1 + round % 4 * 300)
            try vault.write(actor: canary) { tx in
                var draft = TaskDraft(title: "\(canary) \(round)")
                draft.description = text
                draft.tags = [canary]
                draft.projectID = try tx.createProject(name: "\(canary) \(round)").id
                draft.metadata[canary] = .string(canary)
                let task = try tx.createTask(draft)
                try tx.comment(text, on: task.id)
                try tx.completeTask(task.id, output: canary)
                try tx.log(LogDraft(.info, component: canary, text))
                try tx.setSetting(canary, text)
            }
            let path = "\(folder)/\(canary) \(round % 5).md"
            let file = try File.open(path, .create)
            try file.write(Array("# \(canary)\n\(text)".utf8), at: 0)
            var options = UploadOptions()
            options.category = canary
            options.tags = [canary]
            _ = try vault.upload([Array(path.utf8)], workingDirectory: Array(root.utf8), options: options)
            var one = TaskFilter()
            one.limit = 1
            _ = try vault.read { try $0.searchTasks(canary, filter: one) }
            say("\(round)")
        }
    }

    /// At once and unbuffered: what was said before a kill was said.
    private static func say(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        // Whose test is gone works for nobody.
        if Glibc.write(1, bytes, bytes.count) != bytes.count || getppid() == 1 { exit(2) }
    }
}
