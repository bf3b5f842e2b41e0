import Backup
import Testing

@Suite struct ArchiveTests {
    /// Names that people and programs really have.
    static let names: [[UInt8]] = [
        Array("plain.txt".utf8), Array("中文檔案.md".utf8), Array("emoji-😀👩‍👩‍👧.txt".utf8),
        Array("e\u{301} nfd".utf8),
        Array("𠜎𠜱 four-byte".utf8), Array("\u{202E}rtl عربى".utf8), [0x62, 0xFF, 0xFE, 0x2E, 0x74],
        [0xED, 0xA0, 0x80, 0x78], Array("new\nline".utf8), Array(" space ".utf8), Array("-rf".utf8),
        [UInt8](repeating: 0x6C, count: 255), Array("a/b/c/deep".utf8), Array("100%=1;x".utf8),
    ]

    @Test func namesAndContentsComeBackByteForByte() throws {
        var tar: [UInt8] = []
        let writer = try PaxWriter { tar += $0 }
        var offsets: [Int64] = []
        for (i, name) in Self.names.enumerated() {
            offsets.append(try writer.add(MemberHeader(path: name, modified: 1_500_000_000), content(i)))
        }
        try writer.finish()
        let reader = try PaxReader(name: "test", pieces(tar))
        for (i, name) in Self.names.enumerated() {
            let member = try #require(try reader.next())
            #expect(member.path == name && member.kind == .file && member.modified == 1_500_000_000)
            #expect(reader.offset == offsets[i])
            #expect(Array(tar[Int(offsets[i])...].prefix(content(i).count)) == content(i))
            var bytes: [UInt8] = []
            while case let more = try reader.read(7), !more.isEmpty { bytes += more }
            #expect(bytes == content(i))
        }
        #expect(try reader.next() == nil)
    }

    @Test func gnuTarExtractsTheSame() throws {
        let scratch = try Scratch()
        var tar: [UInt8] = []
        let writer = try PaxWriter { tar += $0 }
        for (i, name) in Self.names.enumerated() { try writer.add(MemberHeader(path: name), content(i)) }
        try writer.finish()
        put(tar, scratch.path + "/a.tar")
        let out = scratch.directory("gnu")
        #expect(run("/bin/tar", "xf", scratch.path + "/a.tar", "-C", out).status == 0)
        let ours = scratch.directory("ours")
        let result = try Extraction.extract(name: "a", into: ours, pieces(tar))
        #expect(result.files == Self.names.count)
        #expect(run("/usr/bin/diff", "-r", out, ours).status == 0)
    }

    @Test func aWrongLengthIsRefusedByTheWriter() throws {
        let writer = try PaxWriter { _ in }
        try writer.begin(MemberHeader(path: [97], size: 3))
        #expect(throws: BackupError.self) { try writer.finish() }
        let four = [UInt8](repeating: 0, count: 4)
        #expect(throws: BackupError.self) { try four.withUnsafeBytes(writer.write) }
    }

    @Test func aSinkThatFailsIsHeard() throws {
        struct Full: Error {}
        let writer = try PaxWriter { _ in throw Full() }
        #expect(throws: Full.self) { try writer.add(MemberHeader(path: [97]), [1]) }
    }

    private func content(_ i: Int) -> [UInt8] {
        (0..<(i * 301)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ i) }
    }
}

@Suite struct HostileArchiveTests {
    /// Extracts and says which error came; the directory above must stay empty but for the target.
    private func refusal(_ tar: [UInt8], limits: PaxReader.Limits = .init()) throws -> BackupError? {
        let scratch = try Scratch()
        let target = scratch.directory("target")
        var error: BackupError?
        do {
            try Extraction.extract(name: "h.tar", into: target, limits: limits, pieces(tar))
        } catch let refusal as BackupError {
            error = refusal
        }
        let around = run("/bin/ls", "-A", scratch.path).output
        #expect(around == "target\n", "something escaped: \(around)")
        return error
    }

    @Test(arguments: [
        "../evil", "/tmp/evil", "a/../../evil", "..", ".", "a//b", "a/./b", "./x/../../y",
    ])
    func namesThatLeave(name: String) throws {
        var tar = HostileTar()
        tar.add(name, content: [1])
        #expect(try refusal(tar.finished())?.code == .integrity)
    }

    @Test(arguments: ["/etc/passwd", "../../evil", "..", "a/../../b"])
    func linksThatLeave(destination: String) throws {
        var tar = HostileTar()
        tar.add("link", type: "2", link: destination)
        #expect(try refusal(tar.finished())?.code == .integrity)
    }

    @Test(arguments: Array("1346"))
    func hardLinksAndDevices(type: Character) throws {
        var tar = HostileTar()
        tar.add("thing", type: type, link: "/etc/passwd")
        #expect(try refusal(tar.finished())?.code == .integrity)
    }

    @Test func aLinkIsNotFollowed() throws {
        var tar = HostileTar()
        tar.add("dir", type: "2", link: "sub")
        tar.add("sub/", type: "5")
        tar.add("dir/file", content: [1])
        // The link would be made last, where by then a directory stands.
        #expect(try refusal(tar.finished())?.message == "the name comes twice")
    }

    @Test func aNameThatComesTwice() throws {
        var tar = HostileTar()
        tar.add("same", content: [1])
        tar.add("same", content: [2])
        #expect(try refusal(tar.finished())?.message == "the name comes twice")
        var other = HostileTar()
        other.add("same", content: [1])
        other.add("same/below", content: [2])
        #expect(try refusal(other.finished())?.code == .integrity)
    }

    @Test func moreThanTheLimits() throws {
        var tar = HostileTar()
        for i in 0..<20 { tar.add("m\(i)", content: [UInt8](repeating: 0, count: 100)) }
        var limits = PaxReader.Limits()
        limits.members = 19
        #expect(try refusal(tar.finished(), limits: limits)?.code == .integrity)
        limits = .init()
        limits.totalBytes = 1999
        #expect(try refusal(tar.finished(), limits: limits)?.code == .integrity)
        limits.totalBytes = 2000
        #expect(try refusal(tar.finished(), limits: limits) == nil)
    }

    @Test func hugeLengthsAndTruncation() throws {
        for size in [Int64(1) << 40, 1 << 50, .max, 4096] {
            var tar = HostileTar()
            tar.add("big", content: [1, 2, 3], declared: size)
            #expect(try refusal(tar.bytes)?.code == .integrity, "length \(size)")
        }
    }

    @Test func anArchiveInsideACompressorIsNotRecognised() throws {
        let gzip: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + [UInt8](repeating: 0, count: 4096)
        #expect(try refusal(gzip)?.code == .integrity)
    }

    @Test func aMillionMembersStopAtTheLimitInConstantMemory() throws {
        let header = HostileTar.header("m", type: "0", link: "", size: 0)
        let block = (0..<64).flatMap { _ in header }
        let reader = try PaxReader(name: "many") { block }
        var count = 0
        #expect(throws: BackupError.self) { while try reader.next() != nil { count += 1 } }
        #expect(count == 1_000_000)
    }

    @Test func randomDamageNeverCrashes() throws {
        var tar = HostileTar()
        tar.add("a/b", content: [UInt8](repeating: 7, count: 3000))
        tar.add("l", type: "2", link: "a/b")
        let good = tar.finished()
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        for _ in 0..<300 {
            var bytes = good
            for _ in 0..<3 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 20)
            }
            _ = try refusal(bytes)
        }
        print("seed \(seed)")
    }
}
