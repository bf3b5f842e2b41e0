import Backup
import FileSystem
import Glibc
import KeyRing
import Vault

/// Finding the home and opening its vault.
extension Context {
    /// The home that the rules name, whether it exists or not.
    func location() throws -> HomeLocation {
        if let found = cache.location { return found }
        var environment: [String: String] = [:]
        for name in ["AI_TEAM_HOME", "XDG_DATA_HOME", "HOME"] {
            environment[name] = SecretSource.variable(name)
        }
        let location = try HomeLocation.find(
            option: options.home, environment: environment, workingDirectory: try Self.workingDirectory())
        cache.location = location
        return location
    }

    /// The home, with what an interrupted restore left finished or cleared away.
    /// - Throws: `not_found` when there is no vault in it.
    func existingHome() throws -> Home {
        let home = try location().home
        if try isWriterHome() { throw Self.onlyWrites }
        if !cache.isSettled {
            if try Restore.finishInterrupted(home: home.path) {
                console.note("finished the restore of \(home.path) that had been interrupted")
            }
            cache.isSettled = true
        }
        guard try home.exists() else {
            if try isJoiningHome() { throw Self.waitsToJoin }
            throw Failure(
                .notFound, "there is no vault in \(home.path)",
                hint: "run `ai-team init`, or name another home with --home")
        }
        return home
    }

    /// The configuration of the home's files.
    func configuration() throws -> HomeConfiguration {
        try HomeConfiguration(of: existingHome())
    }

    /// Where work happens: `--mode`, else the configuration.
    func mode() throws -> Mode {
        guard let text = options.mode else { return try configuration().mode }
        guard let mode = Mode(name: text) else {
            throw Failure(.usage, "'\(text)' is not a mode", hint: "use local, cloud or auto")
        }
        return mode
    }

    /// The keys, by whichever secret is at hand; asks on the terminal as the last resort.
    func unlock() throws -> UnlockedKeys {
        if let keys = try unlockQuietly() { return keys }
        return try keep(KeyRing.open(in: existingHome().keysDirectory, with: SecretSource.terminal()))
    }

    /// The keys, if a secret is at hand without asking anybody.
    func unlockQuietly() throws -> UnlockedKeys? {
        if let keys = cache.keys { return keys }
        let home = try existingHome()
        if let secret = try SecretSource.option(options) {
            return try keep(KeyRing.open(in: home.keysDirectory, with: secret))
        }
        if let keys = try Agent.keys(of: home) { return keep(keys) }
        let keyFile = try HomeConfiguration(of: home).keyFile
        guard let secret = try SecretSource.surroundings(keyFile, home: home) else { return nil }
        return try keep(KeyRing.open(in: home.keysDirectory, with: secret))
    }

    /// Milliseconds since 1970, as key records count time.
    var milliseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }

    private func keep(_ keys: UnlockedKeys) -> UnlockedKeys {
        cache.keys = keys
        return keys
    }

    private static func workingDirectory() throws -> String {
        guard let path = getcwd(nil, 0) else {
            throw Failure(.failed, "the working directory can't be read", hint: "change to one that exists")
        }
        defer { free(path) }
        return String(cString: path)
    }
}
