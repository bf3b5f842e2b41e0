import EncryptedSQLite
import FileSystem
import Glibc
import KeyRing
import TestSupport
import Vault

/// A process that keeps the vault of a `VaultHome` open while others change its keys.
enum KeyWorker {
    /// `ROOT NAME key|agent PATH`: opens the vault once, with a key file or the key agent at a socket, and
    /// until there is a file `ROOT/stop` writes a task and a document and reads all of both, saying the epoch
    /// of each round. An error ends it, and its code is said.
    static func follow(_ arguments: [String]) throws {
        let (root, name) = (arguments[0], arguments[1])
        let home = Home(path: root + "/home")
        let vault = try Vault.open(home: home, keys: keys(home, arguments[2], arguments[3]))
        do {
            var round = 0
            while try !Files.exists(root + "/stop") {
                round += 1
                try write(vault, "\(root)/files-\(name)", "\(name) \(round)")
                _ = try vault.read { try $0.statistics() }
                let found = try vault.verifyDocuments()
                for failure in found.failures { throw failure }
                say("epoch \(vault.database.currentEpoch)")
            }
        } catch let error as EncryptedDatabaseError where error.code == .locked {
            say("locked")
        } catch let error as KeyError where error.code == .locked {
            say("locked")
        }
        try vault.close()
        say("closed")
    }

    /// `ROOT`: encrypts pages and documents under the newest epoch, and says so after each batch.
    static func reencrypt(_ arguments: [String]) throws {
        let vault = try VaultHome.open(arguments[0])
        _ = try vault.database.rotatePages { _ in
            say("pages")
            return true
        }
        _ = try vault.reencryptBlobs { _ in
            say("documents")
            return true
        }
        try vault.close()
        say("ended")
    }

    private static func keys(_ home: Home, _ kind: String, _ path: String) throws -> UnlockedKeys {
        guard kind == "agent" else {
            return try KeyRing.open(in: home.keysDirectory, with: KeyFile.read(path))
        }
        let vault = try KeyRing.summary(in: home.keysDirectory).vaultID
        guard let keys = try KeyAgentClient(path: path).keys(of: vault, in: home.keysDirectory) else {
            throw KeyError(.locked, "no agent")
        }
        return keys
    }

    private static func write(_ vault: Vault, _ folder: String, _ text: String) throws {
        try vault.write { try $0.createTask(TaskDraft(title: text)) }
        try Files.createDirectory(folder)
        let path = folder + "/note.md"
        let file = try File.open(path, .create)
        try file.write(Array(text.utf8), at: 0)
        for failure in try vault.upload([Array(path.utf8)], workingDirectory: Array(folder.utf8)).failed {
            throw failure.error
        }
    }

    /// At once and unbuffered.
    private static func say(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        // Whose test is gone works for nobody.
        if Glibc.write(1, bytes, bytes.count) != bytes.count || getppid() == 1 { exit(2) }
    }
}
