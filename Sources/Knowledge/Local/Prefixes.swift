internal import Cryptography

/// Texts that a model wants before documents and queries.
enum Prefixes {
    /// A name for them: other prefixes make other vectors.
    static func version(query: String, document: String) -> String {
        guard !(query.isEmpty && document.isEmpty) else { return "0" }
        let hash = Hash.digest(.sha256, Array((query + "\u{0}" + document).utf8)).prefix(6)
        return hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
