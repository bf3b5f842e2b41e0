internal import Cryptography

/// AWS Signature Version 4 for one service in one region.
///
/// libcurl has a signer too; what it signs changed with many of its versions, and it can't sign a request
/// from which the Expect header was taken out.
package struct RequestSigner: Sendable {
    package let credentials: StoreCredentials
    package let region: String
    package let service: String

    package init(credentials: StoreCredentials, region: String, service: String) {
        self.credentials = credentials
        self.region = region
        self.service = service
    }

    /// The headers that carry the signature, `authorization` last.
    ///
    /// - Parameters:
    ///   - path: escaped, from the first slash.
    ///   - query: names and values, not escaped.
    ///   - headers: all that shall be signed, in lower case, `host` among them.
    ///   - payloadHash: SHA-256 of the body in hexadecimal.
    ///   - time: milliseconds since 1970.
    package func sign(
        method: String, path: String, query: [(String, String)], headers: [(name: String, value: String)],
        payloadHash: String, time: Int64
    ) throws -> [(name: String, value: String)] {
        let stamp = Self.stamp(time)
        let day = String(stamp.prefix(8))
        var signed = headers
        signed.append((name: "x-amz-date", value: stamp))
        if let token = credentials.sessionToken {
            signed.append((name: "x-amz-security-token", value: token))
        }
        let sorted = signed.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        let names = sorted.map(\.name).joined(separator: ";")
        let canonical = [
            method, path, Self.query(query), sorted.map { "\($0.name):\(Self.trimmed($0.value))\n" }.joined(),
            names, payloadHash,
        ].joined(separator: "\n")
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let hash = Hexadecimal.text(Hash.digest(.sha256, Array(canonical.utf8)))
        let signature = try credentials.authenticate(
            "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(hash)", day: day, region: region, service: service)
        let authorization =
            "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), SignedHeaders=\(names), "
            + "Signature=\(Hexadecimal.text(signature))"
        return signed + [(name: "authorization", value: authorization)]
    }

    /// The query of a URL: escaped, sorted, a `=` behind each name.
    static func query(_ items: [(String, String)]) -> String {
        items.map { (escaped($0.0), escaped($0.1)) }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }

    /// Every byte but the unreserved ones as `%XX`.
    static func escaped(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if byte.isUnreserved {
                bytes.append(byte)
            } else {
                bytes += Array("%\(Hexadecimal.text([byte]).uppercased())".utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Without spaces at the ends, and with single ones inside.
    private static func trimmed(_ value: String) -> String {
        value.split(separator: " ").joined(separator: " ")
    }

    /// `20130524T000000Z`
    package static func stamp(_ time: Int64) -> String {
        let date = CivilTime(milliseconds: time)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let year = String(repeating: "0", count: max(0, 4 - "\(date.year)".count)) + "\(date.year)"
        return "\(year)\(two(date.month))\(two(date.day))T\(two(date.hour))\(two(date.minute))"
            + "\(two(date.second))Z"
    }
}
