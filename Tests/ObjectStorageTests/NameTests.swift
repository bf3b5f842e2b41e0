import ObjectStorage
import TestSupport
import Testing

/// Names, addresses and the XML of stores.
@Suite struct NameTests {
    @Test func namesAreWhatEveryStoreTakes() {
        for text in ["a", "a/b", "A-Z_0.9~x", "backup/v1/p/0f/0f12"] {
            #expect(ObjectName(text)?.text == text)
        }
        for text in [
            "", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.b", "a b", "a+b", "é", "a\u{0}b", "a\nb", "a%20",
            String(repeating: "x", count: 901),
        ] { #expect(ObjectName(text) == nil, "\(text)") }
    }

    @Test func remotesAreTold() throws {
        #expect(try StoreURL("file:///a/b/") == .directory("/a/b"))
        #expect(try StoreURL("s3://bucket/some/prefix/") == .bucket("bucket", prefix: "some/prefix"))
        #expect(try StoreURL("s3://bucket") == .bucket("bucket", prefix: ""))
        #expect(try StoreURL("s3://bucket/p").description == "s3://bucket/p")
        for text in ["", "file://a", "file:///", "http://x", "s3://", "s3:///x", "bucket/x"] {
            #expect(throws: StorageError.self, "\(text)") { try StoreURL(text) }
        }
    }

    @Test func plainHTTPIsForThisMachineAlone() throws {
        for text in [
            "https://a.example", "https://a.example:444/", "http://127.0.0.1:9000", "http://localhost",
            "http://[::1]:80", "http://127.8.9.1", "HTTPS://A.example",
        ] { _ = try S3Endpoint(text) }
        for text in [
            "http://a.example", "http://10.0.0.1", "http://127.0.0.1.example", "http://localhost.example",
            "ftp://a", "https://", "https://a/b", "https://a@b", "https://a:0", "https://a:x", "https://a b",
            "a.example", "http://127.0.0.1@a.example", "http://127.0.0.1:80@a.example", "https://[::1",
        ] { #expect(throws: StorageError.self, "\(text)") { try S3Endpoint(text) } }
    }

    @Test func bucketsAndPrefixes() throws {
        let endpoint = try S3Endpoint("https://a.example")
        _ = try S3Location(endpoint: endpoint, bucket: "my-bucket.x", prefix: "a/b")
        for (bucket, prefix) in [
            ("ab", ""), ("a/b", ""), ("my bucket", ""), ("bucket", "/a"), ("bucket", "a//b"),
        ] {
            #expect(throws: StorageError.self) {
                try S3Location(endpoint: endpoint, bucket: bucket, prefix: prefix)
            }
        }
    }

    @Test func markupIsRead() throws {
        let text = """
            <?xml version="1.0"?><!-- c --><a:list xmlns:a="x" n='1'><b>1 &lt;&#x4e2d;&#65;&amp;</b><c/>
            <b><![CDATA[<x>]]></b></a:list>
            """
        let root = try #require(MarkupReader.read(Array(text.utf8)))
        #expect(root.name == "list" && root.children.map(\.name) == ["b", "c", "b"])
        #expect(root["b"]?.text == "1 <中A&" && root.children[2].text == "<x>")
        let deep = String(repeating: "<a>", count: 17) + String(repeating: "</a>", count: 17)
        for text in [
            "", "<a>", "<a></b>", "<a></a>x", "<a b></a>", "<a>&x;</a>", "<a>&#xD800;</a>",
            "<!DOCTYPE a><a/>",
            "<a><!DOCTYPE x></a>", deep, "text", "<a b=\"<\"/>",
        ] { #expect(MarkupReader.read(Array(text.utf8)) == nil, "\(text)") }
    }

    @Test func hostileMarkupDoesNoHarm() {
        var generator = SplitMix64(seed: printedSeed())
        let pieces = [
            "<a>", "</a>", "<b x='1'>", "&lt;", "&#1", "]]>", "<![CDATA[", "<!--", "-->", "<?", "x", "<",
        ]
        for _ in 0..<5000 {
            let text = (0..<Int.random(in: 0..<20, using: &generator))
                .map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            _ = MarkupReader.read(Array(text.utf8))
        }
    }
}
