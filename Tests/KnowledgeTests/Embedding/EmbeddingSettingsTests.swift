import Knowledge
import Testing

@Suite struct EmbeddingSettingsTests {
    private func settings(_ values: [String: String]) throws -> EmbeddingSettings {
        let members = values.map { "\"\($0.key)\":\"\($0.value)\"" }
        return try EmbeddingSettings(parsing: "{\(members.joined(separator: ","))}")
    }

    private func endpoint(_ url: String, _ model: String = "m") throws -> EmbeddingSettings {
        try settings(["provider": "openai", "url": url, "model": model])
    }

    /// Who took an endpoint out of the settings does not want it to get queries, also not for the vectors
    /// that it made.
    @Test func anEndpointThatIsNotSetAnyMoreIsNotAsked() throws {
        let old = try endpoint("https://old.example/v1")
        for current in [
            try settings([:]), try settings(["provider": "local", "folder": "/models/m"]),
            try endpoint("https://new.example/v1"), try endpoint("http://127.0.0.1:11434/v1"),
        ] {
            #expect(try !old.sendsNowhereElse(than: current))
            #expect(try settings([:]).sendsNowhereElse(than: current))
            #expect(try endpoint("http://127.0.0.1:11434/v1").sendsNowhereElse(than: current))
        }
        #expect(try old.sendsNowhereElse(than: endpoint("https://old.example/v1", "another")))
    }
}
