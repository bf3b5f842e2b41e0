import Cryptography

/// Signature Version 4, from the verifier's side.
enum StrictSignature {
    private static let window: Int64 = 15 * 60 * 1000

    /// What is wrong with a request's signature, time or hashes; nil when all is well.
    static func refusal(
        of request: StrictRequest, _ options: StrictServer.Options, now: Int64
    ) -> StrictAnswer? {
        guard let header = request.headers["authorization"], let parts = Authorization(header) else {
            return StrictAnswer(403, "AccessDenied")
        }
        guard parts.accessKeyID == StrictServer.accessKeyID else {
            return StrictAnswer(403, "InvalidAccessKeyId")
        }
        guard let stamp = request.headers["x-amz-date"], let time = StrictTime.stamp(stamp),
            stamp.hasPrefix(parts.day)
        else { return StrictAnswer(403, "AccessDenied") }
        guard abs(time - now) <= window else { return StrictAnswer(403, "RequestTimeTooSkewed") }
        guard let hash = request.headers["x-amz-content-sha256"] else {
            return StrictAnswer(400, "InvalidRequest")
        }
        guard !hash.hasPrefix("STREAMING-") else { return StrictAnswer(501, "NotImplemented") }
        guard request.headers["transfer-encoding"] == nil else {
            return StrictAnswer(411, "MissingContentLength")
        }
        guard request.headers["x-amz-security-token"] == options.sessionToken else {
            return StrictAnswer(403, "InvalidToken")
        }
        // Whatever the service acts upon has to be signed.
        let mustBeSigned = request.headers.keys.filter { $0.hasPrefix("x-amz-") || $0 == "host" }
        guard Set(mustBeSigned).isSubset(of: parts.signedHeaders),
            parts.signedHeaders == parts.signedHeaders.sorted(),
            parts.signature == signature(of: request, parts, stamp: stamp, hash: hash)
        else { return StrictAnswer(403, "SignatureDoesNotMatch") }
        guard hash == "UNSIGNED-PAYLOAD" || hash == hex(Hash.digest(.sha256, request.body)) else {
            return StrictAnswer(400, "XAmzContentSHA256Mismatch")
        }
        return nil
    }

    private struct Authorization {
        var accessKeyID = ""
        var day = ""
        var region = ""
        var signedHeaders: [String] = []
        var signature = ""

        init?(_ header: String) {
            guard header.hasPrefix("AWS4-HMAC-SHA256 ") else { return nil }
            for item in header.dropFirst(17).split(separator: ",") {
                let pair = item.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
                guard pair.count == 2 else { return nil }
                switch pair[0] {
                case "Credential":
                    let scope = pair[1].split(separator: "/").map(String.init)
                    guard scope.count == 5, scope[3] == "s3", scope[4] == "aws4_request" else { return nil }
                    (accessKeyID, day, region) = (scope[0], scope[1], scope[2])
                case "SignedHeaders": signedHeaders = pair[1].split(separator: ";").map(String.init)
                case "Signature": signature = String(pair[1])
                default: return nil
                }
            }
            guard ["auto", "us-east-1"].contains(region), signature.utf8.count == 64 else { return nil }
        }
    }

    private static func signature(
        of request: StrictRequest, _ parts: Authorization, stamp: String, hash: String
    ) -> String? {
        guard let path = StrictRequest.unescaped(request.rawPath) else { return nil }
        let items = request.items.compactMap { item -> String? in
            guard let name = StrictRequest.unescaped(item.name),
                let value = StrictRequest.unescaped(item.value)
            else { return nil }
            return StrictRequest.escaped(name, keepsSlashes: false) + "="
                + StrictRequest.escaped(value, keepsSlashes: false)
        }
        var canonical = request.method + "\n" + StrictRequest.escaped(path, keepsSlashes: true) + "\n"
        canonical += items.sorted().joined(separator: "&") + "\n"
        for name in parts.signedHeaders {
            guard let value = request.headers[name] else { return nil }
            canonical += "\(name):\(value.split(separator: " ").joined(separator: " "))\n"
        }
        canonical += "\n" + parts.signedHeaders.joined(separator: ";") + "\n" + hash
        let scope = "\(parts.day)/\(parts.region)/s3/aws4_request"
        let text =
            "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n" + hex(Hash.digest(.sha256, Array(canonical.utf8)))
        var key = Array("AWS4\(StrictServer.secret)".utf8)
        for part in [parts.day, parts.region, "s3", "aws4_request", text] {
            guard let next = mac(key, part) else { return nil }
            key = next
        }
        return hex(key)
    }

    private static func mac(_ key: [UInt8], _ text: String) -> [UInt8]? {
        do throws(CryptoError) {
            return try HMAC.authenticate(.sha256, key: SecretBytes(copying: key), Array(text.utf8))
        } catch {
            return nil
        }
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
