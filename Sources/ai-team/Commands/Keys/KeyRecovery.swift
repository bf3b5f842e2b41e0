import ArgumentParser
import KeyRing
import Vault

/// `key recovery`: a new recovery code, a test of the old one, and shares of it.
struct KeyRecovery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery", abstract: "Make a new recovery code, or test the one you wrote down.",
        subcommands: [
            KeyRecoveryNew.self, KeyRecoveryAdopt.self, KeyRecoveryTest.self, KeyRecoverySplit.self,
        ],
        defaultSubcommand: KeyRecoveryNew.self)
}

/// `key recovery new`.
struct KeyRecoveryNew: Command {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Make a new recovery code; the old one opens nothing written from now on.",
        discussion: """
            The vault gets new keys; other processes that have it open go on with them. With three or more \
            owners and admins it takes two: the code so far, by --recovery-code-file, or another one's \
            `device cosign`. Until then the new code recovers nothing.

            EXAMPLES:
              ai-team key recovery
              ai-team key recovery new --yes --json
            """)

    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let keys = try context.unlock()
        try Confirmation.require("replace the recovery code?", yes: yes)
        let old = try context.agreeingCode()
        if keys.roster.takesTwo, old == nil { return try propose(context) }
        var code = ""
        let changed = try context.changeKeys(reencrypts: true) {
            let new = try KeyRing.newRecoveryCode(approvedBy: old, in: $0, keys: $1, time: $2)
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

    /// Where it takes two.
    private func propose(_ context: Context) throws {
        let change = MembershipChange(remote: remote, context: context)
        let session = try change.required(change.session())
        try change.catchUp(session)
        let (proposal, code) = try KeyRing.proposeRecoveryCode(
            keys: session.keys, time: context.milliseconds)
        try change.put(proposal, session, code: code.reveal())
    }
}

/// `key recovery adopt`.
struct KeyRecoveryAdopt: Command {
    static let configuration = CommandConfiguration(
        commandName: "adopt", abstract: "Have this home opened by the vault's recovery code as it is now.",
        discussion: """
            A code that others have agreed to recovers the vault and its backups at once. Each home goes on \
            to be opened by the code that it knows until this is run there. The home gets new keys.

            EXAMPLES:
              ai-team key recovery adopt
              ai-team key recovery adopt --code-file code.txt
            """)

    @Option(help: ArgumentHelp("A file with the recovery code, or shares of it.", valueName: "file"))
    var codeFile: String?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        _ = try context.unlock()
        let code = try SecretSource.recoveryCode(codeFile)
        let changed = try context.changeKeys(reencrypts: true) {
            try KeyRing.adopt(code, in: $0, keys: $1, time: $2)
        }
        context.console.emit({ $0.object { $0.field("epoch", Int(changed.currentEpoch)) } }) {
            ["the recovery code opens this home, and the one before does not any more"]
        }
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
        let code = try SecretSource.recoveryCode(context.options.recoveryCodeFile)
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
        let code = try SecretSource.recoveryCode(context.options.recoveryCodeFile)
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
