import Cryptography
import KeyRing
import TestSupport
import Testing
import Vault

/// scripts/read-home.py, a second reader of everything in a home, written from docs/FORMAT.md.
@Suite struct ReadHomeScriptTests {
    let made: RecoverableVault
    let keyFile: String

    init() throws {
        made = try RecoverableVault()
        keyFile = made.scratch.path + "/key"
        put([UInt8](repeating: 5, count: 32), keyFile)
        try made.upload("手冊.md", Array("# 使用手冊\n".utf8))
        try made.upload("empty.txt", [])
        try made.upload("big.txt", (0..<600_000).map { UInt8(ascii: "a") + UInt8($0 % 19) })
        try made.upload("noise.bin", (0..<70_000).map { _ in UInt8.random(in: 0...255) })
        try made.vault.write { tx in
            for i in 0..<50 { _ = try tx.createTask(TaskDraft(title: "task \(i) 任務")) }
        }
    }

    /// Reads a copy of the home as it stands.
    private func read(
        _ secret: String..., change: (String) throws -> Void = { _ in }
    ) throws -> Ended {
        let copy = made.scratch.path + "/copy"
        _ = run("/bin/rm", "-rf", copy, made.scratch.path + "/plain.db")
        _ = run("/bin/cp", "-r", made.home.path, copy)
        try change(copy)
        return run(
            try ProjectPython.interpreter(),
            [ProjectPython.root + "/scripts/read-home.py", copy] + secret
                + ["--database", made.scratch.path + "/plain.db"])
    }

    @Test func anOpenHomeIsReadWithItsLog() throws {
        let ended = try read("--key-file", keyFile)
        #expect(ended.status == 0, "\(ended.output)")
        #expect(ended.output.contains("\"state\":3") && !ended.output.contains("\"frames\":0,"))
        #expect(ended.output.contains("\"blobs\":4,\"tasks\":50"), "\(ended.output)")
    }

    @Test func newEpochsKeysAndAPassphraseAreRead() throws {
        try made.newRecoveryCode()
        var phrase = Array("correct horse 電池".utf8)
        let secret = SlotSecret.passphrase(SecretBytes(wiping: &phrase))
        _ = try KeyRing.addSlot(
            secret, in: made.home.keysDirectory, keys: made.keys, cost: ScryptParameters(logN: 15), time: 3)
        try made.vault.write { _ = try $0.createTask(TaskDraft(title: "under another epoch")) }
        try made.vault.close()
        let passphrase = try made.file("phrase", "correct horse 電池\n")
        for words in [["--key-file", keyFile], ["--passphrase-file", passphrase]] {
            let ended = try read(words[0], words[1])
            #expect(ended.status == 0, "\(ended.output)")
            #expect(ended.output.contains("\"epochs\":3") && ended.output.contains("\"state\":2"))
            #expect(ended.output.contains("\"blobs\":4,\"tasks\":51"), "\(ended.output)")
        }
        let wrong = try read("--passphrase-file", made.file("wrong", "correct horse"))
        #expect(wrong.status == 4 && wrong.output.contains("no slot"))
    }

    /// The twin: the second reader sees what the first one would.
    @Test(arguments: ["keys/ring.a", "keys/roster/0000000000000000", "data/database/ai-agent.db"])
    func aFlippedByteIsSeen(_ file: String) throws {
        try made.vault.close()
        let ended = try read("--key-file", keyFile) { home in
            var bytes = try #require(contents(home + "/" + file))
            bytes[bytes.count / 2] ^= 1
            put(bytes, home + "/" + file)
        }
        #expect(ended.status != 0)
    }
}
