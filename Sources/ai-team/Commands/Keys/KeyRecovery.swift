import ArgumentParser
import KeyRing
import Vault

/// `key recovery`: a new recovery code, a test of the old one, and shares of it.
struct KeyRecovery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery", abstract: "Make a new recovery code, or test the one you wrote down.",
        subcommands: [KeyRecoveryNew.self, KeyRecoveryTest.self, KeyRecoverySplit.self],
        defaultSubcommand: KeyRecoveryNew.self)
}

/// `key recovery new`.
struct KeyRecoveryNew: Command {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Make a new recovery code; the old one opens nothing written from now on.",
        discussion: """
            The vault gets new keys; other processes that have it open go on with them.

            EXAMPLES:
              ai-team key recovery
              ai-team key recovery new --yes --json
            """)

    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        _ = try context.unlock()
        try Confirmation.require("replace the recovery code?", yes: yes)
        var code = ""
        let changed = try context.changeKeys(reencrypts: true) {
            let new = try KeyRing.newRecoveryCode(in: $0, keys: $1, time: $2)
            code = new.recoveryCode.reveal()
            return new.keys
        }
        context.console.emit({ writer in
            writer.object {
                $0.field("recovery_code", code)
                $0.field("epoch", Int(changed.currentEpoch))
            }
        }) { ["recovery code, shown this once:", "", "  \(code)", "", "write it down and keep it apart"] }
    }
}

/// `key recovery test`.
struct KeyRecoveryTest: Command {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Check that a recovery code opens this vault.",
        discussion: """
            EXAMPLES:
              ai-team key recovery test
              ai-team key recovery test --recovery-code-file code.txt
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let home = try context.existingHome()
        let code = try SecretSource.recoveryCode(context.options)
        try KeyRing.testRecovery(code, in: home.keysDirectory)
        context.console.emit({ $0.object { $0.field("ok", true) } }) {
            ["the recovery code opens this vault and all its epochs"]
        }
    }
}

/// `key recovery split`.
struct KeyRecoverySplit: Command {
    static let configuration = CommandConfiguration(
        commandName: "split", abstract: "Split the recovery code into shares, some of which give it back.",
        discussion: """
            The code is kept nowhere, so it is asked for. Wherever it is asked for later, shares will do: as \
            lines of --recovery-code-file, or one after the other on the terminal. Fewer shares than \
            needed tell nothing. The code itself goes on to work; `ai-team key recovery new` ends it and \
            its shares.

            EXAMPLES:
              ai-team key recovery split --threshold 3 --shares 5
              ai-team key recovery split --threshold 2 --shares 3 --recovery-code-file code.txt --json
            """)

    @Option(help: "How many shares are needed to get the code back.") var threshold: Int
    @Option(help: "How many shares to make, \(RecoveryShare.limit) at most.") var shares: Int
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let home = try context.existingHome()
        let code = try SecretSource.recoveryCode(context.options)
        try KeyRing.testRecovery(code, in: home.keysDirectory)
        let made = try RecoveryShare.split(code, threshold: threshold, count: shares)
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("threshold", threshold)
                writer.field("shares", made.map { $0.reveal() })
            }
        }) {
            ["\(threshold) of these \(shares) shares give the recovery code, shown this once:", ""]
                + made.map { "  \($0.number)  \($0.reveal())" } + ["", "give each to somebody else"]
        }
    }
}
