internal import Cryptography
internal import FileSystem
public import ObjectStorage
public import Vault

/// Where a home's remote is and what opens it: what the user says (an option, variables), then the home's
/// configuration, then what `backup cloud login` put into the vault.
public struct CloudConfiguration {
    /// A key of an object store, as it was found.
    public struct Login: Sendable {
        public var accessKeyID: String
        public var secret: String
        public var sessionToken: String?

        public init(accessKeyID: String, secret: String, sessionToken: String? = nil) {
            self.accessKeyID = accessKeyID
            self.secret = secret
            self.sessionToken = sessionToken
        }
    }

    private let home: Home
    private let configuration: HomeConfiguration
    private let variable: (String) -> String?

    /// - Parameter variable: the value of an environment variable; nil for one that is not set or empty.
    public init(home: Home, variable: @escaping (String) -> String?) throws {
        self.home = home
        configuration = try HomeConfiguration(of: home)
        self.variable = variable
    }

    /// The remote: `option`, else `cloud.remote`, else `cloud.bucket` and `cloud.prefix`.
    ///
    /// - Throws: `.notFound` when there is none.
    public func url(_ option: String?) throws -> StoreURL {
        if let text = option ?? configuration["cloud.remote"] { return try StoreURL(text) }
        guard let bucket = configuration["cloud.bucket"] else {
            throw BackupError(
                .notFound, "no remote is set",
                hint: "run `ai-team config cloud.bucket NAME`, or name one with --remote s3://NAME/PREFIX")
        }
        let prefix = configuration["cloud.prefix"] ?? ""
        return try StoreURL("s3://\(bucket)" + (prefix.isEmpty ? "" : "/\(prefix)"))
    }

    /// The remote that is configured; nil when there is none.
    public func remoteIfAny() throws -> StoreURL? {
        configuration["cloud.remote"] == nil && configuration["cloud.bucket"] == nil ? nil : try url(nil)
    }

    /// True when a file or the vault has to say something: it may not then be used before it was confirmed.
    public func usesFiles(_ option: String?) -> Bool {
        guard let option, option.hasPrefix("s3://") else { return option == nil }
        return variable("AI_TEAM_S3_ENDPOINT") == nil || ownLogin("AI_TEAM_S3_") == nil
    }

    /// The settings for `url`.
    ///
    /// - Parameter stored: what `backup cloud login` keeps in the vault.
    public func settings(_ url: StoreURL, stored: Login?) throws -> StoreSettings {
        var settings = StoreSettings()
        settings.bandwidth = configuration["cloud.bandwidth"].flatMap { UInt64($0) }
        guard case .bucket = url else { return settings }
        settings.endpoint =
            variable("AI_TEAM_S3_ENDPOINT") ?? configuration["cloud.endpoint"]
            ?? variable("AWS_ENDPOINT_URL_S3") ?? variable("AWS_ENDPOINT_URL")
        settings.region =
            variable("AI_TEAM_S3_REGION") ?? configuration["cloud.region"] ?? variable("AWS_REGION")
            ?? variable("AWS_DEFAULT_REGION") ?? "auto"
        if let text = configuration["cloud.addressing"] {
            guard let addressing = S3Endpoint.Addressing(rawValue: text) else {
                throw BackupError(
                    .failed, "config/cloud.yaml: addressing is '\(text)'", hint: "use path or virtual")
            }
            settings.addressing = addressing
        }
        settings.caFile = configuration["cloud.ca_file"].map(absolute)
        guard let login = try login(stored) else { return settings }
        settings.credentials = StoreCredentials(
            accessKeyID: login.accessKeyID, secret: SecretBytes(copying: Array(login.secret.utf8)),
            sessionToken: login.sessionToken)
        return settings
    }

    private func login(_ stored: Login?) throws -> Login? {
        if let own = ownLogin("AI_TEAM_S3_") { return own }
        if let path = configuration["cloud.credentials_file"] { return try file(absolute(path)) }
        return stored ?? ownLogin("AWS_")
    }

    private func ownLogin(_ prefix: String) -> Login? {
        guard let id = variable(prefix + "ACCESS_KEY_ID"), let secret = variable(prefix + "SECRET_ACCESS_KEY")
        else { return nil }
        return Login(accessKeyID: id, secret: secret, sessionToken: variable(prefix + "SESSION_TOKEN"))
    }

    private func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "\(home.path)/\(path)" }

    /// Reads `access_key_id: …`, `secret_access_key: …` and perhaps `session_token: …`, one a line.
    ///
    /// - Throws: `.guardRefused` when others may read it.
    private func file(_ path: String) throws -> Login {
        guard let status = try Files.status(path), status.kind == .regular else {
            throw BackupError(.notFound, "there is no file \(path)", hint: "cloud.credentials_file names it")
        }
        guard status.permissions & 0o077 == 0 else {
            throw BackupError(
                .guardRefused, "\(path) can be read by others", hint: "run: chmod 600 \(path)")
        }
        var values: [String: String] = [:]
        let text = String(decoding: try Files.readAll(path, limit: 1 << 16), as: UTF8.self)
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            guard let mark = line.firstIndex(where: { $0 == ":" || $0 == "=" }) else { continue }
            let name = line[..<mark].split(separator: " ").joined()
            values[name] = line[line.index(after: mark)...].split(separator: " ").joined()
        }
        guard let id = values["access_key_id"], let secret = values["secret_access_key"] else {
            throw BackupError(
                .failed, "\(path) holds no key",
                hint: "write the lines access_key_id: … and secret_access_key: …")
        }
        return Login(accessKeyID: id, secret: secret, sessionToken: values["session_token"])
    }
}

/// What the encrypted settings keep of remotes.
extension CloudConfiguration {
    private static let login = "cloud/login/"

    /// The key that `backup cloud login` stored.
    public static func login(_ tx: ReadTransaction) throws -> Login? {
        guard let id = try tx.setting(login + "access_key_id"),
            let secret = try tx.setting(login + "secret_access_key")
        else { return nil }
        return Login(
            accessKeyID: id, secret: secret, sessionToken: try tx.setting(login + "session_token"))
    }

    /// Stores a key; nil forgets it.
    public static func setLogin(_ login: Login?, _ tx: WriteTransaction) throws {
        try tx.setSetting(Self.login + "access_key_id", login?.accessKeyID)
        try tx.setSetting(Self.login + "secret_access_key", login?.secret)
        try tx.setSetting(Self.login + "session_token", login?.sessionToken)
    }

    /// The last probe's record of a remote.
    public static func probe(_ remoteID: String, _ tx: ReadTransaction) throws -> [UInt8]? {
        try tx.setting("cloud/probe/" + remoteID).flatMap(Crockford32.decode)
    }

    /// Stores a probe's record.
    public static func setProbe(_ record: [UInt8], _ remoteID: String, _ tx: WriteTransaction) throws {
        try tx.setSetting("cloud/probe/" + remoteID, Crockford32.encode(record))
    }
}
