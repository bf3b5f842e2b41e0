import Cryptography
import FileSystem
import Glibc
import KeyRing
import Vault

/// Where the secret that opens the vault comes from, in this order: an option, the key agent, a variable, the
/// key file that the configuration names, the terminal. A secret is never an argument.
enum SecretSource {
    /// The secret that an option names; nil when none does.
    static func option(_ options: GlobalOptions) throws -> SlotSecret? {
        if let path = options.recoveryCodeFile { return .recoveryCode(try recoveryCode(in: path)) }
        if let path = options.passphraseFile { return passphrase(try InputFile.secretLine(path)) }
        if let path = options.keyFile { return try KeyFile.read(path) }
        return nil
    }

    /// The secret that the environment or the configuration names; nil when neither does.
    static func surroundings(_ configuredKeyFile: String?, home: Home) throws -> SlotSecret? {
        if let path = variable("AI_TEAM_PASSPHRASE_FILE") {
            return passphrase(try InputFile.secretLine(path))
        }
        if let secret = takenPassphrase() { return secret }
        if let path = variable("AI_TEAM_KEY_FILE") { return try KeyFile.read(path) }
        guard let path = configuredKeyFile else { return nil }
        return try KeyFile.read(path.hasPrefix("/") ? path : "\(home.path)/\(path)")
    }

    /// The passphrase that stood in the environment; nil when there was none.
    static func takenPassphrase() -> SlotSecret? {
        Secrets.takePassphrase().map { passphrase($0) }
    }

    /// Asks on the terminal.
    /// - Throws: `locked` when there is none.
    static func terminal() throws -> SlotSecret {
        guard let terminal = Terminal() else { throw locked }
        return passphrase(try terminal.askSecret("Passphrase: "))
    }

    /// A new passphrase, asked twice.
    static func newPassphrase(_ file: String?) throws -> SlotSecret {
        if let file { return passphrase(try InputFile.secretLine(file)) }
        guard let terminal = Terminal() else {
            throw Failure(
                .locked, "a new passphrase is needed and there is no terminal to ask on",
                hint: "name a file with the passphrase, or use --key-file for a vault without one")
        }
        var first = try terminal.askSecret("New passphrase: ")
        var second = try terminal.askSecret("The same again: ")
        defer { second.wipe() }
        guard first == second else {
            first.wipe()
            throw Failure(.failed, "the two passphrases differ")
        }
        guard first.count >= 8 else {
            first.wipe()
            throw Failure(.failed, "the passphrase is shorter than 8 bytes", hint: "use four words or more")
        }
        return passphrase(first)
    }

    /// The recovery code of an option's file, or else asked for.
    static func recoveryCode(_ path: String?) throws -> RecoveryCode {
        try path.map(recoveryCode(in:)) ?? askRecoveryCode()
    }

    /// Asks for the recovery code on the terminal, or when a share of one is given, for the others.
    /// - Throws: `locked` when there is none.
    private static func askRecoveryCode() throws -> RecoveryCode {
        guard let terminal = Terminal() else {
            throw Failure(.locked, "there is no recovery code", hint: "give --recovery-code-file FILE")
        }
        var line = try terminal.askSecret("Recovery code, or a share of it: ")
        defer { line.wipe() }
        guard RecoveryShare.isLong(line) else {
            return try RecoveryCode(String(decoding: line, as: UTF8.self))
        }
        var shares = [try RecoveryShare(String(decoding: line, as: UTF8.self))]
        while shares.count < shares[0].threshold {
            var next = try terminal.askSecret("Share \(shares.count + 1) of \(shares[0].threshold): ")
            defer { next.wipe() }
            shares.append(try RecoveryShare(String(decoding: next, as: UTF8.self)))
        }
        return try RecoveryShare.combine(shares)
    }

    /// The passphrase that recovers a vault: from a file, the environment or the terminal.
    static func recoveryPassphrase(_ options: GlobalOptions) throws -> SlotSecret {
        if let path = options.passphraseFile ?? variable("AI_TEAM_PASSPHRASE_FILE") {
            return passphrase(try InputFile.secretLine(path))
        }
        return try takenPassphrase() ?? terminal()
    }

    /// The recovery code in a file's first line, or what the shares in its lines give.
    static func recoveryCode(in path: String) throws -> RecoveryCode {
        var lines = try InputFile.secretLines(path)
        defer { for index in lines.indices { lines[index].wipe() } }
        guard let first = lines.first else {
            throw Failure(.locked, "there is no recovery code in \(path)")
        }
        guard RecoveryShare.isLong(first) else {
            return try RecoveryCode(String(decoding: first, as: UTF8.self))
        }
        return try RecoveryShare.combine(lines.map { try RecoveryShare(String(decoding: $0, as: UTF8.self)) })
    }

    /// The value of a variable that is set and not empty.
    static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    static let locked = Failure(
        .locked, "the vault is locked",
        hint: "run `ai-team unlock`, or give --passphrase-file or --key-file")

    private static func passphrase(_ bytes: consuming [UInt8]) -> SlotSecret {
        var bytes = bytes
        return .passphrase(SecretBytes(wiping: &bytes))
    }
}

extension [UInt8] {
    /// Overwrites the bytes with zeros.
    mutating func wipe() {
        withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress { explicit_bzero(base, bytes.count) }
        }
    }
}

extension RecoveryShare {
    /// Whether a line is longer than a recovery code can be, so that it must be a share.
    fileprivate static func isLong(_ line: [UInt8]) -> Bool {
        line.count { $0 > UInt8(ascii: " ") && $0 != UInt8(ascii: "-") } > 60
    }
}
