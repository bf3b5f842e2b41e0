internal import FileSystem
internal import Yams

/// The configuration of a home: dotted keys such as `backup.local.retention`, each with where it came from.
/// The files are not authenticated. Settings that run programs, name endpoints or weaken a guard take
/// effect only
/// when they equal what the encrypted settings hold (`guarded`, `checkGuards`).
public struct HomeConfiguration: Sendable, Equatable {
    /// One value and its source: a file of the home.
    public struct Entry: Sendable, Equatable {
        public let key: String
        /// The value as text; lists and maps as JSON.
        public let value: String
        /// `config/local.yaml` and the like.
        public let source: String
        /// True for keys that must be confirmed.
        public var isGuarded: Bool { HomeConfiguration.isGuarded(key, value) }
    }

    /// All entries, by key.
    public let entries: [Entry]

    /// Reads the files of a home; one that is missing counts as empty.
    /// - Throws: `VaultError` with code `invalid` that names file and line.
    public init(of home: Home) throws {
        var entries: [Entry] = []
        for file in ConfigFile.allCases {
            let path = "\(home.configDirectory)/\(file.rawValue).yaml"
            guard try Files.exists(path) else { continue }
            let bytes = try Files.readAll(path, limit: 1 << 20)
            let source = "config/\(file.rawValue).yaml"
            for (key, value) in try Self.parse(bytes, source) {
                let full = file == .cloud ? "cloud." + key : file == .agents ? "agents." + key : key
                entries.append(Entry(key: full, value: value, source: source))
            }
        }
        self.entries = entries.sorted { $0.key < $1.key }
        try validate()
    }

    /// The value of a key, nil when no file sets it.
    public subscript(key: String) -> String? { entries.first { $0.key == key }?.value }

    /// The mode that `config/local.yaml` sets.
    public var mode: Mode { self["mode"].flatMap(Mode.init(name:)) ?? .local }

    /// The key file that `config/local.yaml` names.
    public var keyFile: String? { self["key_file"] }

    /// Keys of `config/local.yaml` whose values are lists of texts; one text alone counts as a list.
    static let listKeys: Set<String> = ["backup.paths", "backup.include", "backup.exclude"]

    /// Files and directories outside the vault that a backup takes when it is given none.
    public var backupPaths: [String] { texts("backup.paths") }

    /// Patterns of files outside that such a backup takes alone.
    public var backupInclude: [String] { texts("backup.include") }

    /// Patterns of files outside that such a backup leaves out.
    public var backupExclude: [String] { texts("backup.exclude") }

    private func texts(_ key: String) -> [String] {
        guard let value = self[key] else { return [] }
        return Self.list(value) ?? [value]
    }

    /// The texts of a JSON array; nil for anything else.
    static func list(_ value: String) -> [String]? {
        guard value.hasPrefix("["), let parsed = try? JSONValue(parsing: value), let array = parsed.array
        else { return nil }
        let texts = array.compactMap(\.string)
        return texts.count == array.count ? texts : nil
    }

    /// What `sync_config.blobs` may be: when the contents of documents travel.
    private static let blobWords = ["eager", "lazy", "off"]

    /// When the contents of documents travel: `eager`, `lazy` or `off`.
    public var blobs: String { self["sync_config.blobs"] ?? Self.blobWords[0] }

    /// Days that logs stay in this home.
    public var logRetentionDays: Int {
        self["sync_config.logs.retention_local"].flatMap(Self.days) ?? 7
    }

    /// The least that logs stay at the remote, in days: what the policy of a new vault says. A device may
    /// keep its own longer; less would look to others as if it hid them.
    static let cloudLogDays = 90

    /// Days that this device's logs stay at the remote, where that is longer than the vault's policy says.
    public var cloudLogRetentionDays: Int {
        self["sync_config.logs.retention_cloud"].flatMap(Self.days) ?? Self.cloudLogDays
    }

    /// `7_days`, `7d`, `7 days` or `7` as a number of days.
    public static func days(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == "_" || $0 == " " }
        guard ["", "d", "day", "days"].contains(String(unit)) else { return nil }
        return Int(digits)
    }

    private func validate() throws {
        for entry in entries where Self.listKeys.contains(entry.key) {
            guard entry.source == "config/local.yaml" else {
                throw VaultError(
                    .invalid, "\(entry.source): \(entry.key) belongs into config/local.yaml",
                    hint: "each machine has its own")
            }
            guard !texts(entry.key).contains(where: { $0.isEmpty || $0.utf8.contains(0) }) else {
                throw VaultError(
                    .invalid, "\(entry.source): \(entry.key) has an empty entry",
                    hint: "write a list: [~/project, /etc/hosts]")
            }
        }
        if let text = self["mode"], Mode(name: text) == nil {
            throw VaultError(
                .invalid, "config/local.yaml: mode is '\(text)'", hint: "use local, cloud or auto")
        }
        if let text = self["sync_config.blobs"], !Self.blobWords.contains(text) {
            throw VaultError(
                .invalid, "config/sync.yaml: sync_config.blobs is '\(text)'",
                hint: "use " + Self.blobWords.joined(separator: ", "))
        }
        if let text = self["backup.cloud.encryption"], text != "true" {
            throw VaultError(
                .invalid, "config/sync.yaml: backup.cloud.encryption can only be true",
                hint: "remove the line; everything that leaves is encrypted")
        }
        try SyncRules.validate(entries)
        for entry in entries where entry.key.contains("retention") && Self.days(entry.value) == nil {
            throw VaultError(
                .invalid, "\(entry.source): \(entry.key) is '\(entry.value)'", hint: "write days: 30_days")
        }
        guard cloudLogRetentionDays >= Self.cloudLogDays else {
            throw VaultError(
                .invalid,
                "config/sync.yaml: sync_config.logs.retention_cloud is below \(Self.cloudLogDays) days",
                hint: "the vault's members rely on so many days of each other's logs; a device may keep more")
        }
    }

    private static func parse(_ bytes: [UInt8], _ source: String) throws -> [(String, String)] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw VaultError(.invalid, "\(source) is not UTF-8")
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw VaultError(.invalid, "\(source): \(firstLine(of: "\(error)"))", hint: "correct the file")
        }
        var found: [(String, String)] = []
        if let node, node != Node("") { try flatten(node, "", source, depth: 0, into: &found) }
        return found
    }

    private static func firstLine(of text: String) -> String {
        text.split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: " ")
    }

    private static func flatten(
        _ node: Node, _ prefix: String, _ source: String, depth: Int, into found: inout [(String, String)]
    ) throws {
        guard depth < 16, found.count < 10_000 else {
            throw VaultError(.invalid, "\(source) is nested too deeply")
        }
        switch node {
        case .mapping(let mapping):
            for (key, value) in mapping {
                guard let name = key.string else {
                    throw VaultError(.invalid, "\(source): a key is not a text")
                }
                try flatten(
                    value, prefix.isEmpty ? name : "\(prefix).\(name)", source, depth: depth + 1, into: &found
                )
            }
        case .sequence(let sequence):
            guard !prefix.isEmpty else { throw VaultError(.invalid, "\(source) is not a map of settings") }
            found.append((prefix, JSONValue.array(sequence.map { .string($0.string ?? "") }).text))
        case .scalar(let scalar):
            guard !prefix.isEmpty else { throw VaultError(.invalid, "\(source) is not a map of settings") }
            found.append((prefix, scalar.string))
        case .alias: throw VaultError(.invalid, "\(source): aliases are not supported")
        }
    }
}
