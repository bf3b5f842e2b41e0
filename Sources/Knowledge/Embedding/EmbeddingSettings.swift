internal import Cryptography
internal import FileSystem
public import Vault

/// Which embedder a home uses, and how: the keys `embeddings.…` of its configuration. They name endpoints and
/// folders, so they count only as they were confirmed.
public struct EmbeddingSettings: Sendable, Equatable {
    /// What makes vectors.
    public enum Provider: String, Sendable, CaseIterable {
        case lexical, openai, local
    }

    public private(set) var provider = Provider.lexical
    public private(set) var element = VectorElement.float16
    private var values: [String: String] = [:]

    private static let keys: Set<String> = [
        "provider", "url", "model", "folder", "dimensions", "query_prefix", "document_prefix", "batch",
        "timeout", "ca_file", "languages", "element", "api_key_file",
    ]

    /// - Throws: `EmbeddingError` for a value that means nothing.
    public init(_ configuration: HomeConfiguration) throws {
        var values: [String: String] = [:]
        for entry in configuration.entries where entry.key.hasPrefix("embeddings.") {
            values[String(entry.key.dropFirst("embeddings.".count))] = entry.value
        }
        try self.init(values)
    }

    /// Reads what `text` gave.
    package init(parsing text: String) throws {
        let members = try JSONValue(parsing: text).object?.members ?? []
        try self.init(
            Dictionary(
                members.compactMap { key, value in value.string.map { (key, $0) } },
                uniquingKeysWith: { first, _ in first }))
    }

    private init(_ values: [String: String]) throws {
        self.values = values
        for key in values.keys where !Self.keys.contains(key) {
            throw EmbeddingError(
                .missing, "there is no setting embeddings.\(key)",
                hint: "there are " + Self.keys.sorted().joined(separator: ", "))
        }
        provider = try Self.word("provider", values, Provider.init) ?? .lexical
        element = try Self.word("element", values, VectorElement.init) ?? .float16
        _ = try languages
        for key in ["dimensions", "batch", "timeout"] { _ = try number(key) }
    }

    private static func word<Word: CaseIterable & RawRepresentable>(
        _ key: String, _ values: [String: String], _ make: (String) -> Word?
    ) throws -> Word? where Word.RawValue == String {
        guard let text = values[key] else { return nil }
        guard let word = make(text) else {
            throw EmbeddingError(
                .missing, "embeddings.\(key) is '\(text)'",
                hint: "use " + Word.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return word
    }

    private func number(_ key: String) throws -> Int? {
        guard let text = values[key] else { return nil }
        guard let number = Int(text), 1...100_000 ~= number else {
            throw EmbeddingError(.missing, "embeddings.\(key) is '\(text)'", hint: "write a number from 1")
        }
        return number
    }

    /// What is set, over what the model's name says.
    private var languages: ModelLanguages? {
        get throws { try Self.word("languages", values, ModelLanguages.init) }
    }

    /// All of them as one text, for the space whose vectors they made.
    package var text: String {
        JSONValue.object(
            values.sorted { $0.key < $1.key }.reduce(into: JSONObject()) { $0[$1.key] = .string($1.value) }
        ).text
    }

    /// Where texts go that become vectors; nil when they stay on this machine.
    ///
    /// - Throws: `EmbeddingError` for an endpoint that can't be: then nobody can say.
    public var destination: String? {
        get throws {
            guard provider == .openai else { return nil }
            let endpoint = try endpoint(nil)
            return endpoint.isLoopback ? nil : "\(endpoint.url) (model \(endpoint.model))"
        }
    }

    /// Whether what these settings send leaves this machine for nowhere but where `current` ones send it.
    /// That an endpoint was set before is no leave to ask it now.
    ///
    /// - Throws: `EmbeddingError` for an endpoint that can't be.
    package func sendsNowhereElse(than current: EmbeddingSettings) throws -> Bool {
        guard try destination != nil else { return true }
        return try current.provider == .openai && endpoint(nil).url == current.endpoint(nil).url
    }

    /// The embedder.
    ///
    /// - Parameters:
    ///   - storedKey: the endpoint's key that the vault keeps.
    ///   - home: what relative paths begin at.
    ///   - known: the vault's spaces: an endpoint whose vectors are among them need not be asked for their
    ///     size.
    /// - Throws: `EmbeddingError` when something that it needs is missing.
    public func embedder(
        storedKey: EndpointKey?, home: Home?, known: [VectorSpace] = []
    ) throws -> any Embedder {
        func absolute(_ path: String) -> String {
            path.hasPrefix("/") ? path : (home.map { $0.path + "/" } ?? "") + path
        }
        switch provider {
        case .lexical: return LexicalEmbedder()
        case .local:
            guard let folder = values["folder"] else {
                throw EmbeddingError(
                    .missing, "no model's folder is named", hint: "ai-team config embeddings.folder DIR")
            }
            return try LocalEmbedder(
                folder: absolute(folder), queryPrefix: values["query_prefix"] ?? "",
                documentPrefix: values["document_prefix"] ?? "", languages: languages)
        case .openai:
            let key = try values["api_key_file"].map { try Self.key(in: absolute($0)) } ?? storedKey
            var endpoint = try endpoint(values["ca_file"].map(absolute))
            endpoint.knownDimensions =
                known.first { $0.identity.provider == "openai" && $0.identity.model == endpoint.model }?
                .identity.dimensions
            return try EndpointEmbedder(endpoint, key: key)
        }
    }

    private func endpoint(_ caFile: String?) throws -> EmbeddingEndpoint {
        guard let url = values["url"] else {
            throw EmbeddingError(
                .missing, "no endpoint is named",
                hint: "ai-team config embeddings.url http://127.0.0.1:11434/v1")
        }
        var endpoint = try EmbeddingEndpoint(url: url, model: values["model"] ?? "")
        endpoint.dimensions = try number("dimensions")
        endpoint.queryPrefix = values["query_prefix"] ?? ""
        endpoint.documentPrefix = values["document_prefix"] ?? ""
        endpoint.languages = try languages ?? .of(model: endpoint.model)
        endpoint.batch = try number("batch") ?? endpoint.batch
        endpoint.timeoutSeconds = try number("timeout") ?? endpoint.timeoutSeconds
        endpoint.caFile = caFile
        return endpoint
    }

    /// The key in the first line of a file that nobody else may read.
    private static func key(in path: String) throws -> EndpointKey {
        do {
            guard let status = try Files.status(path), status.kind == .regular else {
                throw EmbeddingError(
                    .missing, "there is no file \(path)", hint: "embeddings.api_key_file names it")
            }
            guard status.permissions & 0o077 == 0 else {
                throw EmbeddingError(
                    .missing, "\(path) can be read by others", hint: "run: chmod 600 \(path)")
            }
            var bytes = try Files.readAll(path, limit: 1 << 16)
            defer { _ = SecretBytes(wiping: &bytes) }
            var line: [UInt8] = []
            // An array that grew would leave its former bytes behind.
            line.reserveCapacity(bytes.count)
            for byte in bytes where byte != UInt8(ascii: " ") {
                let isEnd = byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
                if isEnd, !line.isEmpty { break }
                if !isEnd { line.append(byte) }
            }
            return try EndpointKey(SecretBytes(wiping: &line))
        } catch let error as FileError {
            throw EmbeddingError(.missing, "\(path): \(error)", hint: "embeddings.api_key_file names it")
        }
    }
}

/// The key of an endpoint in the encrypted settings.
extension EmbeddingSettings {
    private static let storedKeyName = "embeddings/key"

    /// The key that the vault keeps.
    public static func storedKey(_ tx: ReadTransaction) throws -> EndpointKey? {
        guard let secret = try tx.secretSetting(storedKeyName) else { return nil }
        return try EndpointKey(secret)
    }

    /// Keeps a key; nil forgets it.
    public static func setStoredKey(_ key: EndpointKey?, _ tx: WriteTransaction) throws {
        guard let key else { return try tx.setSetting(storedKeyName, nil) }
        try key.store(storedKeyName, tx)
    }
}
