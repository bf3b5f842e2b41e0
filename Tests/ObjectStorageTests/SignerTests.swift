import Cryptography
import ObjectStorage
import Testing

/// Signature Version 4 against the examples that AWS publishes.
@Suite struct SignerTests {
    private struct Example: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var method = "GET"
        var path = "/"
        var query: [(String, String)] = []
        var headers: [(name: String, value: String)]
        var payload: [UInt8] = []
        var signature: String
    }

    /// "Signature Calculations for the Authorization Header", Amazon S3 API Reference.
    private static let bucket = "examplebucket.s3.amazonaws.com"
    private static let s3Examples = [
        Example(
            testDescription: "GET object", path: "/test.txt",
            headers: [("host", bucket), ("range", "bytes=0-9")],
            signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        Example(
            testDescription: "PUT object", method: "PUT", path: "/test%24file.text",
            headers: [
                ("date", "Fri, 24 May 2013 00:00:00 GMT"), ("host", bucket),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            payload: Array("Welcome to Amazon S3.".utf8),
            signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        Example(
            testDescription: "GET bucket lifecycle", query: [("lifecycle", "")], headers: [("host", bucket)],
            signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        Example(
            testDescription: "GET bucket (list objects)", query: [("prefix", "J"), ("max-keys", "2")],
            headers: [("host", bucket)],
            signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ]

    private func credentials(_ id: String, _ secret: String) -> StoreCredentials {
        StoreCredentials(accessKeyID: id, secret: SecretBytes(copying: Array(secret.utf8)))
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test(arguments: s3Examples) private func theReference(example: Example) throws {
        let signer = RequestSigner(
            credentials: credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            region: "us-east-1", service: "s3")
        let hash = hex(Hash.digest(.sha256, example.payload))
        let headers = try signer.sign(
            method: example.method, path: example.path, query: example.query,
            headers: example.headers + [(name: "x-amz-content-sha256", value: hash)], payloadHash: hash,
            time: 1_369_353_600_000)
        #expect(headers.last?.value.hasSuffix("Signature=" + example.signature) == true)
    }

    /// Of the Signature Version 4 test suite: get-vanilla, post-vanilla, get-vanilla-query-order-key-case.
    @Test(arguments: [
        ("GET", [], "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", [], "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET", [("Param2", "value2"), ("Param1", "value1")],
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        ),
    ])
    func theTestSuite(method: String, query: [(String, String)], signature: String) throws {
        let signer = RequestSigner(
            credentials: credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            region: "us-east-1", service: "service")
        let headers = try signer.sign(
            method: method, path: "/", query: query, headers: [("host", "example.amazonaws.com")],
            payloadHash: hex(Hash.digest(.sha256, [])), time: 1_440_938_160_000)
        #expect(headers.last?.value.hasSuffix("Signature=" + signature) == true)
    }

    @Test func timesAreWrittenAndRead() throws {
        #expect(RequestSigner.stamp(1_440_938_160_000) == "20150830T123600Z")
        #expect(RequestSigner.stamp(951_782_399_999) == "20000228T235959Z")
        #expect(RequestSigner.stamp(951_782_400_000) == "20000229T000000Z")
        let header = try #require(CivilTime(header: "Fri, 24 May 2013 00:00:00 GMT"))
        #expect(header.milliseconds == 1_369_353_600_000)
        let listing = try #require(CivilTime(listing: "2013-05-24T00:00:07.000Z"))
        #expect(listing.milliseconds == 1_369_353_607_000)
        for day in stride(from: Int64(0), to: 40_000, by: 13) {
            let time = day * 86_400_000 + 45_296_000
            #expect(CivilTime(milliseconds: time).milliseconds == time)
        }
        #expect(CivilTime(header: "yesterday") == nil && CivilTime(listing: "2013-13-01T00:00:00Z") == nil)
    }
}
