import Vault

/// What the configuration wants to be run before and after a backup: `hooks.backup.before` and
/// `hooks.backup.after`, each a line for /bin/sh.
///
/// They are guarded settings: a value that was not confirmed keeps the vault from being opened at all. They
/// run in an environment made for them, which holds no secret.
struct BackupHooks {
    private let before: String?
    private let after: String?
    private let home: Home
    private let console: Console

    init(_ configuration: HomeConfiguration, home: Home, _ console: Console) {
        before = configuration["hooks.backup.before"]
        after = configuration["hooks.backup.after"]
        self.home = home
        self.console = console
    }

    /// Runs `body` between the hooks. The second one runs however `body` ends, and learns how.
    ///
    /// - Parameter id: the backup that `body` made.
    /// - Returns: what `body` returned, and false when the hook after it failed.
    /// - Throws: `failed` when the hook before it fails: then there is no backup.
    func around<R>(_ body: () throws -> R, id: (R) -> String) throws -> (R, isFine: Bool) {
        if let before {
            let status = try run(before, ["AI_TEAM_HOOK": "before"])
            guard status == 0 else {
                throw Failure(
                    .failed, "hooks.backup.before ended with \(status), so no backup was made",
                    hint: "see what it wrote, or change it with `ai-team config hooks.backup.before`")
            }
        }
        let result: R
        do {
            result = try body()
        } catch {
            _ = try finish(["AI_TEAM_OUTCOME": "failed"])
            throw error
        }
        return (result, try finish(["AI_TEAM_OUTCOME": "done", "AI_TEAM_BACKUP_ID": id(result)]))
    }

    private func finish(_ variables: [String: String]) throws -> Bool {
        guard let after else { return true }
        let status = try run(after, variables.merging(["AI_TEAM_HOOK": "after"]) { $1 })
        if status != 0 { console.warn("hooks.backup.after ended with \(status)") }
        return status == 0
    }

    private func run(_ line: String, _ variables: [String: String]) throws -> Int32 {
        let own = variables.merging(["AI_TEAM_HOME": home.path]) { $1 }
        return try ChildProgram.run(
            "/bin/sh", ["-c", line], environment: ChildProgram.environment(own), output: .shown
        ).status
    }
}
