import Cryptography
import FileSystem
import KeyRing
import TestSupport
import Testing

/// A vault in a temporary directory with a key-file slot; small scrypt cost where passphrases are used.
struct Fixture {
    let directory: TemporaryDirectory
    let secret: SlotSecret
    let vault: KeyRing.NewVault

    static let time: UInt64 = 1_790_000_000_000
    static let cost: ScryptParameters = {
        do { return try ScryptParameters(logN: 15) } catch { return .standard }
    }()

    var path: String { directory("keys") }

    init() throws {
        directory = try TemporaryDirectory()
        secret = try Fixture.keyFile(1)
        vault = try KeyRing.create(
            in: directory.path + "/keys", name: "laptop 筆電", secret: secret, time: Fixture.time)
    }

    static func keyFile(_ byte: UInt8) throws -> SlotSecret {
        var bytes = [UInt8](repeating: byte, count: 32)
        return try .keyFile(SecretBytes(wiping: &bytes))
    }

    static func passphrase(_ text: String) -> SlotSecret {
        var bytes = Array(text.utf8)
        return .passphrase(SecretBytes(wiping: &bytes))
    }

    func open(_ secret: SlotSecret? = nil) throws -> UnlockedKeys {
        try KeyRing.open(in: path, with: secret ?? self.secret)
    }

    func ring(_ copy: String) throws -> [UInt8] {
        try Files.readAll(path + "/ring.\(copy)", limit: 1 << 20)
    }
}

/// Runs `body` and expects a `KeyError` of one of `codes`.
func expect(
    _ codes: KeyError.Code..., at place: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
    do {
        try body()
        Issue.record("nothing was thrown", sourceLocation: place)
    } catch let error as KeyError {
        #expect(codes.contains(error.code), "\(error)", sourceLocation: place)
    } catch {
        Issue.record(error, sourceLocation: place)
    }
}

extension UnlockedKeys {
    func bytes(_ purpose: String, _ epoch: UInt32) throws -> [UInt8] {
        try key(KeyPurpose(rawValue: purpose), epoch: epoch).withUnsafeBytes { Array($0) }
    }
}
