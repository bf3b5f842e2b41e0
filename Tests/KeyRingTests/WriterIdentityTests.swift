import Cryptography
import FileSystem
import KeyRing
import TestSupport
import Testing

/// The keys of a machine that only writes backups, and the file that it hands out.
@Suite struct WriterIdentityTests {
    private let directory: TemporaryDirectory
    private let made: WriterIdentity

    init() throws {
        directory = try TemporaryDirectory()
        made = try WriterIdentity.create(
            in: directory.path, name: "上傳 box", secret: Fixture.keyFile(1), time: Fixture.time)
    }

    private func open(_ byte: UInt8 = 1) throws -> WriterIdentity {
        try WriterIdentity.open(in: directory.path, with: Fixture.keyFile(byte))
    }

    private var file: String { directory("writer") }

    @Test func itOpensWithItsSecretAlone() throws {
        #expect(try WriterIdentity.exists(in: directory.path))
        let opened = try open()
        #expect(opened.publicKey == made.publicKey && opened.device == made.device)
        let signature = try opened.sign([1, 2], domain: "test")
        try Ed25519.verify(
            signature: signature, of: [1, 2], domain: "test", publicKey: made.publicKey.keys.signing)
        let key = try opened.homeKey(KeyPurpose(rawValue: "x")).withUnsafeBytes { Array($0) }
        #expect(try made.homeKey(KeyPurpose(rawValue: "x")).withUnsafeBytes { Array($0) } == key)
        #expect(try made.homeKey(KeyPurpose(rawValue: "y")).withUnsafeBytes { Array($0) } != key)
        expect(.wrongKey) { _ = try open(2) }
        expect(.wrongKey) {
            _ = try WriterIdentity.open(in: directory.path, with: Fixture.passphrase("something"))
        }
        expect(.conflict) {
            _ = try WriterIdentity.create(
                in: directory.path, name: "x", secret: Fixture.keyFile(1), time: 1)
        }
        expect(.conflict) {
            let home = try Fixture()
            _ = try WriterIdentity.create(in: home.path, name: "x", secret: Fixture.keyFile(1), time: 1)
        }
    }

    @Test func aPassphraseOpensItToo() throws {
        let other = try TemporaryDirectory()
        let secret = Fixture.passphrase("correct horse battery")
        let made = try WriterIdentity.create(
            in: other.path, name: "x", secret: secret, cost: Fixture.cost, time: 1)
        #expect(try WriterIdentity.open(in: other.path, with: secret).device == made.device)
        expect(.wrongKey) {
            _ = try WriterIdentity.open(in: other.path, with: Fixture.passphrase("incorrect"))
        }
    }

    @Test func whatWasChangedIsRefused() throws {
        let bytes = try Files.readAll(file, limit: 1 << 20)
        for place in stride(from: 0, to: bytes.count, by: 13) {
            var flipped = bytes
            flipped[place] ^= 4
            try Durable.replace(file, with: flipped)
            expect(.damagedRing) { _ = try open() }
        }
        // Who can compute SHA-256 gets no further.
        for place in stride(from: 8, to: bytes.count - 32, by: 7) {
            var text = Array(bytes.dropLast(32))
            text[place] ^= 0x40
            try Durable.replace(file, with: text + Hash.digest(.sha256, text))
            expect(.integrityFailure, .wrongKey, .downgrade) { _ = try open() }
        }
        try Durable.replace(file, with: bytes)
        _ = try open()
    }

    @Test func thePublicKeyFileIsSignedAndCanonical() throws {
        let text = made.publicKey.text
        let read = try WriterPublicKey(text: text + "\n")
        #expect(read == made.publicKey && read.name == "上傳 box" && read.id == made.device)
        for place in text.indices.dropFirst(15) {
            let letter: Character = text[place] == "7" ? "8" : "7"
            let other = String(text[..<place] + String(letter) + text[text.index(after: place)...])
            expect(.integrityFailure, .malformed, .newerFormat) { _ = try WriterPublicKey(text: other) }
        }
        for other in ["", "ai-team-writer:", String(text.dropLast()), text + "0", text.uppercased()] {
            expect(.integrityFailure, .malformed) { _ = try WriterPublicKey(text: other) }
        }
    }
}
