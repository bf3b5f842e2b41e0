import Vault

/// What of the files outside the vault is backed up when no path is given: `backup.paths`, `backup.include`
/// and `backup.exclude` of config/local.yaml, as bytes.
struct ConfiguredPaths {
    private(set) var paths: [[UInt8]] = []
    private(set) var include: [[UInt8]] = []
    private(set) var exclude: [[UInt8]] = []

    /// Nothing.
    init() {}

    init(_ context: Context) throws {
        let configuration = try context.configuration()
        let home = try context.existingHome().path
        paths = try configuration.backupPaths.map { Array(try Self.absolute($0, home).utf8) }
        include = configuration.backupInclude.map { Array($0.utf8) }
        exclude = configuration.backupExclude.map { Array($0.utf8) }
    }

    /// `~/x` in the user's home directory, a relative path in the vault's home: backups are made by timers,
    /// from any working directory.
    private static func absolute(_ path: String, _ home: String) throws -> String {
        if path.hasPrefix("/") { return path }
        guard path == "~" || path.hasPrefix("~/") else { return home + "/" + path }
        guard let user = SecretSource.variable("HOME") else {
            throw Failure(
                .usage, "HOME is not set, and backup.paths has '\(path)'", hint: "write the whole path")
        }
        return user + path.dropFirst()
    }
}
