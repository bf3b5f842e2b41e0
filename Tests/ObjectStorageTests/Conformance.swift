import Cryptography
import FileSystem
import ObjectStorage
import TestSupport
import Testing

/// What every store has to do, once for all of them.
struct Conformance {
    let store: any ObjectStore
    /// What the store does with conditions on a put.
    var conditions = StrictServer.Conditions.honoured
    /// Objects put in one piece have their MD5 for an ETag.
    var hasMD5 = true
    /// A listing's prefix may contain a slash.
    var listsBelowSlashes = true
    /// The store refuses what does not fit its MD5 or SHA-256.
    var checksBodies = true
    /// Objects made of parts have the ETag that was told, and parts that were thrown away are not found.
    var keepsParts = true
    /// Lets the store forget when names were last written.
    var settle: () -> Void = {}

    func run() throws {
        try objects()
        try ranges()
        try versions()
        try files()
        try listings()
        try pages()
        try deletion()
        try parts()
        switch conditions {
        case .honoured: try honouredConditions()
        case .ignored: try ignoredConditions()
        case .refused: try refusedConditions()
        }
    }

    private func name(_ text: String) throws -> ObjectName { try #require(ObjectName(text)) }

    private func bytes(_ count: Int, seed: UInt64 = 7) -> [UInt8] {
        var generator = SplitMix64(seed: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: generator.next()) { bytes += $0 } }
        return Array(bytes.prefix(count))
    }

    private func expect(
        _ code: StorageError.Code, _ location: SourceLocation = #_sourceLocation,
        _ body: () throws -> Void
    ) {
        let error = #expect(throws: StorageError.self, sourceLocation: location, performing: body)
        #expect(error?.code == code, "\(error?.message ?? "")", sourceLocation: location)
    }

    private func objects() throws {
        for (index, count) in [0, 1, 1000, 65_536, 65_537, 3_000_001].enumerated() {
            let name = try name("objects/\(index)/a-B_c.d~e")
            let content = bytes(count)
            #expect(try store.head(name) == nil)
            let etag = try store.put(name, .bytes(content), .none)
            let info = try #require(try store.head(name))
            #expect(info.name == name && info.size == UInt64(count) && info.etag == etag)
            #expect(try store.read(name, limit: 1 << 24) == content)
            if hasMD5 {
                var md5 = try StoreChecksum()
                try content.withUnsafeBytes { try md5.update($0) }
                let checksum = try md5.finalize()
                #expect(etag.md5 == checksum)
            }
        }
        expect(.notFound) { _ = try store.read(name("objects/none"), limit: 10) }
        expect(.integrity) { _ = try store.read(name("objects/2/a-B_c.d~e"), limit: 999) }
    }

    private func ranges() throws {
        let name = try name("ranges/x")
        let content = bytes(100_000)
        _ = try store.put(name, .bytes(content), .none)
        for range in [0..<1, 0..<100_000, 99_999..<100_000, 5..<70_000, 50_000..<50_001] as [Range<UInt64>] {
            let expected = Array(content[Int(range.lowerBound)..<Int(range.upperBound)])
            #expect(try store.read(name, range: range) == expected)
        }
        var tail: [UInt8] = []
        let info = try store.get(name, range: 99_990..<UInt64.max, unless: nil) { tail += $0 }
        #expect(tail == Array(content[99_990...]) && info?.size == 100_000)
        tail = []
        _ = try store.get(name, range: 99_990..<200_000, unless: nil) { tail += $0 }
        #expect(tail == Array(content[99_990...]))
        expect(.integrity) { _ = try store.read(name, range: 99_990..<200_000) }
        expect(.outOfRange) { _ = try store.read(name, range: 100_000..<100_001) }
        expect(.notFound) { _ = try store.read(self.name("ranges/none"), range: 0..<1) }
    }

    private func versions() throws {
        let name = try name("versions/x")
        let first = try store.put(name, .bytes([1]), .none)
        settle()
        let second = try store.put(name, .bytes([2]), .none)
        #expect(first != second)
        #expect(try store.get(name, range: nil, unless: second) { _ in } == nil)
        var got: [UInt8] = []
        #expect(try store.get(name, range: nil, unless: first, { got += $0 })?.etag == second)
        #expect(got == [2])
    }

    private func files() throws {
        let directory = try TemporaryDirectory()
        let path = directory("body")
        let content = bytes(2_500_000, seed: 3)
        try Durable.replace(path, with: content)
        var md5 = try StoreChecksum()
        try content.withUnsafeBytes { try md5.update($0) }
        let checksum = try md5.finalize()
        let hash = Hash.digest(.sha256, content)
        let size = UInt64(content.count)
        let name = try name("files/x")
        _ = try store.put(name, .file(path: path, size: size, sha256: hash, md5: checksum), .none)
        #expect(try store.read(name, limit: 1 << 24) == content)
        guard checksBodies else { return }
        let wrong = try self.name("files/wrong")
        expect(.integrity) {
            _ = try store.put(
                wrong, .file(path: path, size: size, sha256: Hash.digest(.sha256, [1]), md5: checksum), .none)
        }
        #expect(try store.head(wrong) == nil)
    }

    private func listings() throws {
        let names = ["list/a-b", "list/a.b", "list/a/b", "list/a/c/d", "list/a0", "list/b/x", "listing"]
        for text in names.shuffled() { _ = try store.put(name(text), .bytes(Array(text.utf8)), .none) }
        func found(_ prefix: String, after: String? = nil) throws -> [String] {
            try store.list(prefix: prefix, after: after, limit: 100).objects.map(\.name.text)
        }
        #expect(try found("list") == names)
        #expect(try found("list", after: "list/a/b") == Array(names[3...]))
        #expect(try found("list", after: "list/a/bb") == Array(names[3...]))
        #expect(try found("list", after: "listing") == [])
        #expect(try found("nothing") == [])
        let info = try #require(try store.list(prefix: "list", after: nil, limit: 1).objects.first)
        #expect(try info.size == 8 && store.head(info.name)?.etag == info.etag)
        guard listsBelowSlashes else { return }
        #expect(try found("list/") == Array(names.dropLast()))
        #expect(try found("list/a/") == Array(names[2...3]))
        #expect(try found("list/a/", after: "list/a/b") == ["list/a/c/d"])
    }

    private func pages() throws {
        let names = (0..<25).map { "pages-\($0 < 10 ? "0" : "")\($0)" }
        for text in names { _ = try store.put(name(text), .bytes([]), .none) }
        var found: [String] = []
        var pages = 0
        try store.forEach(prefix: "pages-", pageSize: 7) { page in
            #expect(page.objects.count <= 7)
            found += page.objects.map(\.name.text)
            pages += 1
        }
        #expect(found == names && pages == 4)
    }

    private func deletion() throws {
        let name = try name("deletion/x")
        _ = try store.put(name, .bytes([1]), .none)
        try store.delete(name)
        #expect(try store.head(name) == nil)
        try store.delete(name)
        settle()
        _ = try store.put(name, .bytes([2]), .none)
        #expect(try store.read(name, limit: 1) == [2])
    }

    private func parts() throws {
        let name = try name("parts/x")
        let id = try store.beginParts(name)
        let size = 5 << 20
        let parts = [bytes(size, seed: 1), bytes(size, seed: 2), bytes(1000, seed: 3)]
        var etags: [ETag] = []
        for (index, part) in parts.enumerated() {
            etags.append(try store.putPart(name, id, number: index + 1, .bytes(part)))
        }
        #expect(try store.head(name) == nil)
        let etag = try store.completeParts(name, id, etags, .none)
        let info = try #require(try store.head(name))
        #expect(info.size == UInt64(2 * size + 1000))
        if keepsParts { #expect(info.etag == etag) }
        #expect(try store.read(name, limit: 1 << 24) == parts.flatMap(\.self))
        let other = try store.beginParts(name)
        _ = try store.putPart(name, other, number: 1, .bytes([1]))
        try store.abortParts(name, other)
        guard keepsParts else { return }
        expect(.notFound) { _ = try store.putPart(name, other, number: 2, .bytes([1])) }
    }

    private func honouredConditions() throws {
        let name = try name("conditions/x")
        let first = try store.put(name, .bytes([1]), .ifAbsent)
        settle()
        expect(.preconditionFailed) { _ = try store.put(name, .bytes([2]), .ifAbsent) }
        expect(.preconditionFailed) { _ = try store.put(name, .bytes([2]), .ifMatches(ETag("0123"))) }
        #expect(try store.read(name, limit: 10) == [1])
        let second = try store.put(name, .bytes([2, 2]), .ifMatches(first))
        settle()
        expect(.preconditionFailed) { _ = try store.put(name, .bytes([3]), .ifMatches(first)) }
        #expect(try store.read(name, limit: 10) == [2, 2])
        _ = try store.put(name, .bytes([4]), .ifMatches(second))
    }

    private func ignoredConditions() throws {
        let name = try name("conditions/x")
        _ = try store.put(name, .bytes([1]), .ifAbsent)
        settle()
        _ = try store.put(name, .bytes([2]), .ifAbsent)
        #expect(try store.read(name, limit: 10) == [2])
    }

    private func refusedConditions() throws {
        let name = try name("conditions/x")
        expect(.notSupported) { _ = try store.put(name, .bytes([1]), .ifAbsent) }
        expect(.notSupported) { _ = try store.put(name, .bytes([1]), .ifMatches(ETag("0"))) }
        #expect(try store.head(name) == nil)
    }
}
