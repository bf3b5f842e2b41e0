internal import FileSystem
internal import KeyRing

/// The directory that holds one vault, and where things are in it:
/// `config/{local,cloud,sync,agents}.yaml`, `keys/`, `data/{database,documents,vectors,backups}`, `run/`.
public struct Home: Sendable, Hashable {
    /// Absolute, without a slash at the end.
    public let path: String

    public init(path: String) {
        var trimmed = Substring(path)
        while trimmed.count > 1 && trimmed.hasSuffix("/") { trimmed.removeLast() }
        self.path = String(trimmed)
    }

    public var configDirectory: String { path + "/config" }
    public var keysDirectory: String { path + "/keys" }
    public var databaseDirectory: String { path + "/data/database" }
    public var databasePath: String { databaseDirectory + "/ai-agent.db" }
    public var documentsDirectory: String { path + "/data/documents" }
    public var vectorsDirectory: String { path + "/data/vectors" }
    public var backupsDirectory: String { path + "/data/backups" }
    public var runDirectory: String { path + "/run" }

    /// The directories of a home, parents first, all of mode 0700.
    private var directories: [String] {
        [
            path, configDirectory, keysDirectory, path + "/data", databaseDirectory, documentsDirectory,
            vectorsDirectory, backupsDirectory, runDirectory,
        ]
    }

    /// True when there are keys and a database here, or the mark of an unfinished restore.
    public func exists() throws -> Bool {
        if try Files.exists(path + "/" + HomeLock.restoreMarker) { return true }
        guard try Files.exists(databasePath) else { return false }
        return try Files.exists(keysDirectory + "/ring.a") || Files.exists(keysDirectory + "/ring.b")
    }

    /// Makes the directories and the configuration files that are missing. What a clone of the project
    /// brought
    /// along stays.
    public func makeLayout(mode: Mode = .local) throws {
        for directory in directories where try !Files.exists(directory) {
            try Files.createDirectory(directory)
        }
        for file in ConfigFile.allCases {
            let target = "\(configDirectory)/\(file.rawValue).yaml"
            if try !Files.exists(target) {
                try Durable.replace(target, with: Array(file.template(mode).utf8))
            }
        }
        try Durable.syncDirectory(configDirectory)
        try Durable.syncDirectory(path)
    }
}

/// Which home a command means, and by which rule.
public struct HomeLocation: Sendable, Hashable {
    public enum Rule: String, Sendable { case option, environment, ancestor, standard }

    public let home: Home
    public let rule: Rule

    package init(home: Home, rule: Rule) {
        self.home = home
        self.rule = rule
    }

    /// Applies the rules: the option, `$AI_TEAM_HOME`, the nearest ancestor of the working directory that
    /// is laid
    /// out like a home, `$XDG_DATA_HOME/ai-team`.
    /// - Throws: `VaultError` with code `not_found` when not even a home directory is known.
    public static func find(
        option: String?, environment: [String: String], workingDirectory: String
    ) throws -> HomeLocation {
        func absolute(_ path: String) -> Home {
            Home(path: Paths.normalized(path.hasPrefix("/") ? path : workingDirectory + "/" + path))
        }
        if let option, !option.isEmpty { return HomeLocation(home: absolute(option), rule: .option) }
        if let path = environment["AI_TEAM_HOME"], !path.isEmpty {
            return HomeLocation(home: absolute(path), rule: .environment)
        }
        var directory: String? = Paths.normalized(workingDirectory)
        while let candidate = directory {
            if try isLaidOut(candidate) {
                return HomeLocation(home: Home(path: candidate), rule: .ancestor)
            }
            directory = candidate == "/" ? nil : Path.parent(candidate)
        }
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") {
            return HomeLocation(home: Home(path: data + "/ai-team"), rule: .standard)
        }
        guard let user = environment["HOME"], user.hasPrefix("/") else {
            throw VaultError(.notFound, "no home is named and $HOME is not set", hint: "give --home DIR")
        }
        return HomeLocation(home: Home(path: user + "/.local/share/ai-team"), rule: .standard)
    }

    private static func isLaidOut(_ directory: String) throws -> Bool {
        let base = directory == "/" ? "" : directory
        return try Files.exists(base + "/config/local.yaml") && Files.exists(base + "/keys")
            && Files.exists(base + "/data")
    }
}

/// Work on paths as text.
package enum Paths {
    /// Without `.`, `..` and doubled slashes. Links are not followed.
    package static func normalized(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    }
}
