import ArgumentParser
import Backup
import FileSystem
import Glibc
import KeyRing
import ObjectStorage
import Sync
import Vault

/// `device join TOKEN`.
struct DeviceJoin: Command {
    static let configuration = CommandConfiguration(
        commandName: "join", abstract: "Make this machine a device of a vault that it was invited to.",
        discussion: """
            Makes the home, asks to be let in, and waits until the inviter approves. - reads the token from \
            standard input, where no list of processes shows it. Interrupted, or with --no-wait, it goes on \
            when it is run again without a token.

            EXAMPLES:
              ai-team device join TOKEN --name desk
              ai-team device join - --key-file ~/.ai-team-key < token.txt
              ai-team device join
            """)

    @Argument(help: "What `ai-team device invite` printed; without it, the join that waits here goes on.")
    var token: String?
    @Option(help: ArgumentHelp("What this device is called.", valueName: "name")) var name: String?
    @Flag(help: "Ask, look once whether it was approved, and come back.") var noWait = false
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let home = try context.location().home
        guard try !context.isWriterHome() else { throw Context.onlyWrites }
        let waits = try context.isJoiningHome()
        guard try waits || !home.exists() else {
            throw Failure(
                .conflict, "there is a vault in \(home.path) already", hint: "name another home with --home")
        }
        let secret = try waits ? context.joiningSecret() : context.newSecret()
        let joining: Joining
        let store: any ObjectStore
        if waits {
            joining = try resume(home, secret)
            store = try open(remote.remote ?? joining.remote, home)
        } else {
            (joining, store) = try begin(context, home, secret)
        }
        guard let roster = try wait(joining, store, context) else {
            return tellWaiting(joining, home, context)
        }
        let made = try joining.finish(roster, secret: secret, time: context.milliseconds)
        context.cache.keys = made.keys
        context.cache.vault = made.vault
        try remember(joining.remote, home, made.vault)
        try joining.forget()
        try tell(made.keys, home, context)
    }

    private func resume(_ home: Home, _ secret: SlotSecret) throws -> Joining {
        let joining = try Joining.resume(in: home, secret: secret)
        if let token = try givenToken(), try !joining.isBy(token) {
            throw Failure(
                .conflict, "this home waits for another invitation already",
                hint: "run `ai-team device join` without a token, or remove \(home.keysDirectory)/joining")
        }
        return joining
    }

    private func givenToken() throws -> InviteToken? {
        guard let token else { return nil }
        guard token == "-" else { return try InviteToken(token) }
        var line = try InputFile.secretLine("-")
        defer { line.wipe() }
        return try InviteToken(String(decoding: line, as: UTF8.self))
    }

    /// Nothing is made here before the remote has shown the vault that the token names.
    private func begin(
        _ context: Context, _ home: Home, _ secret: SlotSecret
    ) throws -> (Joining, any ObjectStore) {
        guard let token = try givenToken() else {
            throw Failure(
                .usage, "no token is given, and nothing waits in \(home.path)",
                hint: "run `ai-team device invite` on a device of the vault")
        }
        let url = remote.remote ?? token.hint
        guard !url.isEmpty else {
            throw Failure(.usage, "the token names no remote", hint: "give one with --remote URL")
        }
        let store = try open(url, home)
        try Joining.requireVault(of: token, in: store)
        let modeText = context.options.mode ?? "local"
        guard let mode = Mode(name: modeText) else {
            throw Failure(.usage, "'\(modeText)' is not a mode", hint: "use local, cloud or auto")
        }
        try home.makeLayout(mode: mode)
        if let path = context.options.keyFile {
            try HomeConfiguration.set("key_file", to: absolute(path), in: home, nil)
        }
        let joining = try Joining.begin(
            with: token, name: name ?? hostName(), remote: url, in: home, secret: secret,
            time: context.milliseconds)
        return (joining, store)
    }

    /// On a bare machine variables say how a bucket is reached, or the files of a clone of the project.
    private func open(_ url: String, _ home: Home) throws -> any ObjectStore {
        let configuration = try CloudConfiguration(home: home, variable: Secrets.storageVariable)
        let place = try configuration.url(url)
        return try Stores.open(place, configuration.settings(place, stored: nil)).store
    }

    /// Asks and waits; nil when it shall not wait any longer.
    private func wait(_ joining: Joining, _ store: any ObjectStore, _ context: Context) throws -> Roster? {
        var pause: UInt32 = 1
        var hasAsked = false
        while true {
            switch try joining.look(in: store, time: context.milliseconds) {
            case .approved(let roster): return roster
            case .expired: throw try over("the invitation has expired", joining)
            case .missing where hasAsked:
                throw try over("the request was refused, or the token was used twice", joining)
            case .missing:
                try joining.ask(in: store)
                hasAsked = true
                context.console.announce(["waiting until this device is let in:"] + Self.lines(joining))
                continue
            case .waiting: hasAsked = true
            }
            if noWait { return nil }
            sleep(pause)
            pause = min(pause + 1, 10)
        }
    }

    /// Clears away what waits, so that another token can be tried here.
    private func over(_ reason: String, _ joining: Joining) throws -> Failure {
        try joining.forget()
        return Failure(.conflict, reason, hint: "ask for another invitation")
    }

    private static func lines(_ joining: Joining) -> [String] {
        ["  \(joining.identity.device)", "    \(joining.identity.publicKeys.fingerprint)"]
    }

    /// What the person has said and the token has brought stands in the new home's files.
    private func remember(_ url: String, _ home: Home, _ vault: Vault) throws {
        var settings = ["cloud.remote": url]
        if url.hasPrefix("s3://") {
            settings["cloud.endpoint"] = Secrets.storageVariable("AI_TEAM_S3_ENDPOINT")
            settings["cloud.region"] = Secrets.storageVariable("AI_TEAM_S3_REGION")
        }
        try vault.write { transaction in
            for (key, value) in settings.sorted(by: { $0.key < $1.key }) {
                try HomeConfiguration.set(key, to: value, in: home, transaction)
            }
        }
    }

    private func tellWaiting(_ joining: Joining, _ home: Home, _ context: Context) {
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("status", "waiting")
                writer.field("device_id", joining.identity.device.description)
                writer.field("public_key_fingerprint", joining.identity.publicKeys.fingerprint)
                writer.field("home", home.path)
            }
        }) {
            ["asked to be let in:"] + Self.lines(joining)
                + ["when it is approved there, run here: ai-team device join"]
        }
    }

    private func tell(_ keys: UnlockedKeys, _ home: Home, _ context: Context) throws {
        let role = keys.roster.member(keys.device)?.role.name
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("status", "joined")
                writer.field("vault_id", keys.vaultID.description)
                writer.field("device_id", keys.device.description)
                writer.field("role", role)
                writer.field("home", home.path)
            }
        }) {
            ["this machine is \(keys.device) of vault \(keys.vaultID), role \(role ?? "none")"]
        }
    }
}

/// Homes whose device waits to be let in.
extension Context {
    /// Whether the home is one of those.
    func isJoiningHome() throws -> Bool {
        try JoiningIdentity.exists(in: location().home.keysDirectory)
    }

    /// What opens the keys that wait there.
    fileprivate func joiningSecret() throws -> SlotSecret {
        if let secret = try SecretSource.option(options) { return secret }
        let home = try location().home
        let keyFile = try HomeConfiguration(of: home).keyFile
        return try SecretSource.surroundings(keyFile, home: home) ?? SecretSource.terminal()
    }

    /// What every command says that needs a vault.
    static let waitsToJoin = Failure(
        .conflict, "this home waits to be let into a vault",
        hint: "run `ai-team device join` to go on, or remove keys/joining there to give it up")
}
