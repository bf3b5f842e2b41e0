import ArgumentParser
import KeyRing
import Vault

/// The hidden subcommand that is the process in which re-encryption goes on in the background.
struct ReencryptionProcess: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "re-encrypt", abstract: "The process of a re-encryption in the background.",
        shouldDisplay: false)

    func run() throws {
        let (path, keys) = try BackgroundProcess.begin { Home(path: $0).keysDirectory }
        let home = Home(path: path)
        let vault = try Vault.open(home: home, keys: keys)
        let result = Result { try Reencryption(vault: vault, home: home).run() }
        try vault.close()
        _ = try result.get()
    }
}

extension Context {
    /// Starts the process that goes on with a re-encryption, when one is noted and nobody works on it. What
    /// goes wrong there is not the command's failure: the next one tries again.
    func goOnReencrypting() {
        do {
            guard let vault = cache.vault, let known = cache.keys,
                let job = try vault.read({ try $0.reencryptionJob() }),
                job.isDue(at: Surroundings.system.now())
            else { return }
            let keys = try vault.currentKeys(known)
            guard keys.currentEpoch >= job.epoch else { return }
            let home = try existingHome()
            guard try !Reencryption.isRunning(in: home) else { return }
            try BackgroundProcess.start(
                for: keys, home: home.path, executable: "/proc/self/exe",
                arguments: [ReencryptionProcess.configuration.commandName ?? ""])
            console.detail("goes on with the re-encryption in the background")
        } catch {
            console.detail("re-encryption: \(Failure(describing: error)?.message ?? "\(error)")")
        }
    }
}
