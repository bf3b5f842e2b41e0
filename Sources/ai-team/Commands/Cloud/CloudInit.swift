import ArgumentParser
import Backup
import Vault

/// `backup cloud init`.
struct CloudInit: Command {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Find out what the bucket really does, and keep the answer.",
        discussion: """
            Puts an object of a random name three times, so that it is known whether conditions on a put are \
            honoured, and removes it. Done again every 30 days.

            EXAMPLES:
              ai-team backup cloud init
            """)

    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let (probe, id, requests) = try probe(context)
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("remote_id", id)
                writer.field("honoured", probe.isHonoured)
                writer.field("if_absent", probe.ifAbsent.name)
                writer.field("if_matches", probe.ifMatches.name)
                writer.field("etag_is_md5", probe.hasMD5)
                writer.field("clock_difference_ms", probe.clockDifference)
                writer.field("requests", Int64(clamping: requests))
            }
        }) {
            var lines = [
                probe.isHonoured
                    ? "the remote honours conditions on a put: nothing is overwritten unseen"
                    : "the remote does not honour conditions on a put (if absent: \(probe.ifAbsent.name), "
                        + "if matches: \(probe.ifMatches.name)): what is written is read back"
            ]
            if abs(probe.clockDifference) > 300_000 {
                lines.append(
                    "its clock and this machine's differ by \(abs(probe.clockDifference) / 60_000) minutes")
            }
            return lines
        }
    }

    private func probe(
        _ context: Context
    ) throws -> (probe: RemoteProbe, id: String, requests: UInt64) {
        if try context.isWriterHome() {
            var cloud = try context.writerCloud(remote, probing: false)
            return (try cloud.initialise(), cloud.remoteID, cloud.requests)
        }
        var cloud = try context.cloud(remote)
        return (try context.probe(&cloud), cloud.remoteID, cloud.requests)
    }
}

/// `backup cloud login`.
struct CloudLogin: Command {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Keep the bucket's access key, encrypted in the vault.",
        discussion: """
            The secret is asked for on the terminal, or read from a file's first line (- is standard input).

            EXAMPLES:
              ai-team backup cloud login --access-key-id ID
              ai-team backup cloud login --forget
            """)

    @Option(help: ArgumentHelp("The id of the access key.", valueName: "id")) var accessKeyId: String?
    @Option(help: ArgumentHelp("Read its secret from this file's first line.", valueName: "file"))
    var secretFile: String?
    @Flag(help: "Forget the key that is kept.") var forget = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.unguardedVault()
        guard !forget else {
            try vault.write { try CloudConfiguration.setLogin(nil, $0) }
            return tell(context, nil)
        }
        guard let id = accessKeyId, !id.isEmpty else {
            throw Failure(.usage, "--access-key-id is missing")
        }
        var bytes = try secret()
        defer { bytes.wipe() }
        guard let secret = String(validating: bytes, as: UTF8.self), !secret.isEmpty else {
            throw Failure(.failed, "the secret is empty or no text")
        }
        let login = CloudConfiguration.Login(accessKeyID: id, secret: secret)
        try vault.write { try CloudConfiguration.setLogin(login, $0) }
        tell(context, id)
    }

    private func secret() throws -> [UInt8] {
        if let secretFile { return try InputFile.secretLine(secretFile) }
        guard let terminal = Terminal() else {
            throw Failure(
                .usage, "there is no terminal to ask for the secret on",
                hint: "name a file with --secret-file")
        }
        return try terminal.askSecret("Secret access key: ")
    }

    private func tell(_ context: Context, _ id: String?) {
        context.console.emit({ $0.object { $0.field("access_key_id", id) } }) {
            [id.map { "kept the secret of \($0)" } ?? "no key is kept any more"]
        }
    }
}
