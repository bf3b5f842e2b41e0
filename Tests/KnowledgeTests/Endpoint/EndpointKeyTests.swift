import Cryptography
import Foundation
import Knowledge
import TestSupport
import Testing
import Vault

@Suite struct EndpointKeyTests {
    private func key(_ text: String) throws -> EndpointKey {
        try EndpointKey(SecretBytes(copying: Array(text.utf8)))
    }

    private func settings(_ server: EmbeddingServer, file: String? = nil) throws -> EmbeddingSettings {
        var values = ["provider": "openai", "url": server.url, "model": "good"]
        values["api_key_file"] = file
        return try EmbeddingSettings(
            parsing: String(decoding: JSONEncoder().encode(values), as: UTF8.self))
    }

    @Test func theVaultKeepsTheKeyAndTheServerGetsIt() throws {
        let server = try EmbeddingServer()
        let fixture = try SearchFixture()
        #expect(try fixture.vault.read { try EmbeddingSettings.storedKey($0) == nil })
        try fixture.vault.write { try EmbeddingSettings.setStoredKey(try key("sk-kept"), $0) }
        let stored = try fixture.vault.read { try EmbeddingSettings.storedKey($0) }
        _ = try settings(server).embedder(storedKey: stored, home: nil).embed(query: "x")
        #expect(try server.requests().map(\.key) == ["Bearer sk-kept", "Bearer sk-kept"])
        // Before it was read as bytes it was kept as this text.
        #expect(try fixture.vault.read { try $0.setting("embeddings/key") } == "sk-kept")
        try fixture.vault.write { try EmbeddingSettings.setStoredKey(nil, $0) }
        #expect(try fixture.vault.read { try EmbeddingSettings.storedKey($0) == nil })
    }

    @Test func aFilesFirstLineComesBeforeTheVaultsKey() throws {
        let server = try EmbeddingServer()
        let folder = try TemporaryDirectory()
        let path = folder("key")
        try Data("\r\n  sk-file \nsecond\n".utf8).write(to: URL(filePath: path))
        func embed() throws {
            _ = try settings(server, file: path).embedder(storedKey: key("sk-kept"), home: nil)
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(throws: EmbeddingError.self) { try embed() }
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        try embed()
        #expect(try server.requests().map(\.key) == ["Bearer sk-file"])
    }

    @Test(arguments: ["", "a b", "a\nX-Other: 1", "a\r", "a\u{0}b", "käse", "a\u{7F}"])
    func aKeyThatNoHeaderCanCarryIsRefused(text: String) throws {
        #expect(throws: EmbeddingError.self) { try key(text) }
        _ = try key("sk-proj_A.b-9~/+=")
    }
}
