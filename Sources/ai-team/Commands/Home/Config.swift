import ArgumentParser
import Vault

/// `config [--mode M] [KEY [VALUE]]`, `config confirm`.
struct Config: Command {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Show or set the configuration.",
        discussion: """
            Without a key everything is shown, each value with its source. `config confirm` accepts \
            settings that \
            were edited in the files and that run programs, name endpoints or weaken a guard.

            EXAMPLES:
              ai-team config
              ai-team config --mode auto
              ai-team config backup.local.retention 60_days
              ai-team config confirm
            """)

    @Argument(help: "A dotted key, or `confirm`.") var key: String?
    @Argument(help: "Its new value; '' removes it.") var value: String?
    @Flag(help: "Do not ask, where a setting has to be confirmed.") var yes = false
    @Option(
        help: ArgumentHelp(
            "The passphrase for backup.passphrase_recovery, where this home has none of its own.",
            valueName: "file"))
    var newPassphraseFile: String?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let home = try context.existingHome()
        if let text = context.given.mode {
            guard let mode = Mode(name: text) else {
                throw Failure(.usage, "'\(text)' is not a mode", hint: "use local, cloud or auto")
            }
            try HomeConfiguration.set("mode", to: mode.rawValue, in: home, nil)
        }
        if key == "confirm", value == nil { return try confirm(context, home) }
        if let key, let value { try set(key, value, context, home) }
        try show(context, home)
    }

    private func set(_ key: String, _ value: String, _ context: Context, _ home: Home) throws {
        let value = value.isEmpty ? nil : value
        if key == PassphraseRecovery.key {
            try passphraseRecovery(context, home).set(value)
        }
        if HomeConfiguration.isGuarded(key, value) {
            try context.unguardedVault().write { try HomeConfiguration.set(key, to: value, in: home, $0) }
        } else {
            try HomeConfiguration.set(key, to: value, in: home, nil)
        }
    }

    private func passphraseRecovery(_ context: Context, _ home: Home) -> PassphraseRecovery {
        PassphraseRecovery(
            context: context, home: home, newPassphraseFile: newPassphraseFile, yes: yes)
    }

    private func confirm(_ context: Context, _ home: Home) throws {
        let configuration = try HomeConfiguration(of: home)
        try passphraseRecovery(context, home).requireAgreement(configuration)
        let keys = try context.unguardedVault().write { try configuration.confirm($0) }
        context.console.emit({ $0.object { $0.field("confirmed", keys) } }) {
            keys.isEmpty ? ["nothing to confirm"] : keys.map { "confirmed \($0)" }
        }
    }

    private func show(_ context: Context, _ home: Home) throws {
        let configuration = try HomeConfiguration(of: home)
        var rows = configuration.entries.map { (key: $0.key, value: $0.value, source: $0.source) }
        if context.given.mode == nil, let mode = context.options.mode {
            rows.removeAll { $0.key == "mode" }
            rows.append((key: "mode", value: mode, source: "--mode"))
        }
        rows.append((key: "home", value: home.path, source: try context.location().rule.rawValue))
        if let key {
            rows = rows.filter { $0.key == key || $0.key.hasPrefix(key + ".") }
            if rows.isEmpty, value == nil { throw Failure(.notFound, "\(key) is not set") }
        }
        context.console.emit({ writer in
            writer.object { writer in
                for row in rows {
                    writer.key(row.key)
                    writer.object {
                        $0.field("value", row.value)
                        $0.field("source", row.source)
                    }
                }
            }
        }) {
            rows.map { "\($0.key) = \($0.value.printable)  \(context.console.style.dim("(\($0.source))"))" }
        }
    }
}
