import ArgumentParser

/// Options that every command takes, before or after its name.
struct GlobalOptions: ParsableArguments {
    @OptionGroup var common: CommonOptions

    @Option(help: ArgumentHelp("local, cloud or auto: overrides config/local.yaml.", valueName: "mode"))
    var mode: String?

    var home: String? { common.home }
    var json: Bool { common.json }
    var quiet: Bool { common.quiet }
    var verbose: Bool { common.verbose }
    var noColor: Bool { common.noColor }
    var passphraseFile: String? { common.passphraseFile }
    var keyFile: String? { common.keyFile }
    var recoveryCodeFile: String? { common.recoveryCodeFile }

    static let flags: Set<String> = ["--json", "--quiet", "-q", "--verbose", "-v", "--no-color"]
    static let valued: [String] = [
        "--home", "--mode", "--passphrase-file", "--key-file", "--recovery-code-file",
    ]

    /// These options, with what they leave unsaid taken from `leading`.
    func merged(under leading: GlobalOptions) -> GlobalOptions {
        var all = self
        all.common = common.merged(under: leading.common)
        all.mode = mode ?? leading.mode
        return all
    }
}

/// The global options but one, for commands whose `--mode` is another.
struct CommonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The vault's home directory.", valueName: "dir"))
    var home: String?

    @Flag(help: "Print one JSON value, and errors as JSON on standard error.")
    var json = false

    @Flag(name: .shortAndLong, help: "No progress, notes or warnings.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Say more on standard error.")
    var verbose = false

    @Flag(name: .customLong("no-color"), help: "No colours; so does the variable NO_COLOR.")
    var noColor = false

    @Option(help: ArgumentHelp("Read the passphrase from this file's first line.", valueName: "file"))
    var passphraseFile: String?

    @Option(help: ArgumentHelp("Unlock with this key file (mode 0600).", valueName: "file"))
    var keyFile: String?

    @Option(help: ArgumentHelp("Unlock with the recovery code in this file.", valueName: "file"))
    var recoveryCodeFile: String?

    /// These options, with what they leave unsaid taken from `leading`.
    func merged(under leading: CommonOptions) -> CommonOptions {
        var all = self
        all.home = home ?? leading.home
        all.json = json || leading.json
        all.quiet = quiet || leading.quiet
        all.verbose = verbose || leading.verbose
        all.noColor = noColor || leading.noColor
        all.passphraseFile = passphraseFile ?? leading.passphraseFile
        all.keyFile = keyFile ?? leading.keyFile
        all.recoveryCodeFile = recoveryCodeFile ?? leading.recoveryCodeFile
        return all
    }

    /// With no mode of their own.
    var global: GlobalOptions {
        var global = GlobalOptions()
        global.common = self
        global.mode = nil
        return global
    }
}
