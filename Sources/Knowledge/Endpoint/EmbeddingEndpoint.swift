public import Cryptography
internal import ObjectStorage
internal import Vault

/// Where and how an OpenAI-compatible server makes vectors.
public struct EmbeddingEndpoint: Sendable {
    /// The API's root, such as `http://127.0.0.1:11434/v1`: TLS, or this machine itself.
    public let url: String
    public let model: String
    /// Numbers of a vector; nil until the server was asked. Servers that can shorten vectors are asked for so
    /// many.
    public var dimensions: Int?
    /// Numbers of a vector as it is known from before: then the server need not be asked.
    public var knownDimensions: Int?
    public var queryPrefix = ""
    public var documentPrefix = ""
    public var languages = ModelLanguages.all
    /// Texts of one request.
    public var batch = 32
    /// Silence of so many seconds ends a request.
    public var timeoutSeconds = 60
    /// A file of certificates to trust instead of the system's.
    public var caFile: String?
    /// Whether it is this machine itself: then no text leaves it.
    public let isLoopback: Bool

    /// - Throws: `EmbeddingError` for an address that is neither TLS nor this machine's own.
    public init(url: String, model: String) throws {
        let afterScheme = url.firstRange(of: "://")?.upperBound ?? url.startIndex
        let end = url[afterScheme...].firstIndex(of: "/") ?? url.endIndex
        var path = url[end...]
        while path.last == "/" { path.removeLast() }
        let allowed = path.utf8.allSatisfy { byte in
            byte == UInt8(ascii: "/") || byte.isUnreserved
        }
        guard allowed, !path.contains("/../"), !path.hasSuffix("/..") else {
            throw EmbeddingError(
                .missing, "the endpoint '\(url)' has a path that can't be sent",
                hint: "write it like http://127.0.0.1:11434/v1")
        }
        do {
            let host = try S3Endpoint(String(url[..<end]))
            self.url = host.url + path
            isLoopback = host.isLoopback
        } catch {
            throw EmbeddingError(.missing, error.message, hint: "write it like http://127.0.0.1:11434/v1")
        }
        guard !model.isEmpty, !model.utf8.contains(where: { $0 < 0x20 }) else {
            throw EmbeddingError(.missing, "no model is named", hint: "ai-team config embeddings.model NAME")
        }
        self.model = model
    }
}

/// The key of an endpoint, which never becomes part of an error or a log.
public final class EndpointKey: Sendable {
    private let secret: SecretBytes

    /// - Throws: `EmbeddingError` for a key that no header can carry.
    public init(_ secret: consuming SecretBytes) throws {
        let canBeSent = secret.withUnsafeBytes { bytes in
            !bytes.isEmpty && bytes.allSatisfy { 0x21...0x7E ~= $0 }
        }
        guard canBeSent else {
            throw EmbeddingError(
                .missing, "the endpoint's key is empty, or has signs in it that can't be sent",
                hint: "keep another one: ai-team kb embed --login")
        }
        self.secret = secret
    }

    /// The header that carries it.
    var header: SecretHeader { SecretHeader("authorization", scheme: "Bearer", secret) }

    /// Keeps it in the vault's settings.
    func store(_ name: String, _ tx: WriteTransaction) throws { try tx.setSecretSetting(name, secret) }
}
