import Foundation
import TestSupport
import Testing

@Suite("Files of every kind") struct FileKindTests {
    /// Names that some tool somewhere trips over, as bytes.
    private static let names: [[UInt8]] = [
        Array("plain.txt".utf8), Array("空 的 檔案.md".utf8), Array("𠮷野家𪚥.md".utf8),
        Array("👩‍👩‍👧‍👦 🏳️‍🌈.md".utf8), Array("\u{202E}gpj.exe".utf8), Array("שלום עולם.txt".utf8),
        Array("e\u{301}.txt".utf8), Array("\u{E9}.txt".utf8), Array("-o".utf8), Array("line\nbreak".utf8),
        Array("a\"b'c\\d$e`f*g?".utf8), [0xFF, 0xFE, 0x80], [0x61, 0xED, 0xA0, 0x80, 0x62],
        [UInt8](repeating: UInt8(ascii: "x"), count: 255),
    ]

    private static let contents: [[UInt8]] = [
        [], [0], Array("𠮷".utf8), [0xEF, 0xBB, 0xBF], Array("內容\r\n".utf8), [0xC3, 0x28, 0xFF],
        madeBytes(seed: 1, count: 262_144), madeBytes(seed: 2, count: 700_001),
    ]

    @Test("Names and contents survive upload, get and export byte for byte")
    func roundTrip() throws {
        let home = try TestHome()
        let folder = Array(home.folder.appending(path: "in").path(percentEncoded: false).utf8)
        try FileManager.default.createDirectory(
            at: home.folder.appending(path: "in"), withIntermediateDirectories: true)
        var files: [[UInt8]: [UInt8]] = [:]
        for (index, name) in Self.names.enumerated() {
            let content = Self.contents[index % Self.contents.count]
            try RawFile.write(folder + [0x2F] + name, content)
            files[name] = content
        }
        let uploaded = try home.json("kb", "upload", "in")["uploaded"].list
        #expect(uploaded.count == files.count)
        var seen: Set<[UInt8]> = []
        for document in try home.json("kb", "list").list {
            let name =
                document["name_b64"].string.flatMap { Data(base64Encoded: $0) }.map(Array.init)
                ?? Array((document["name"].string ?? "").utf8)
            let bare = Array(name.dropFirst(3))
            seen.insert(bare)
            let id = try #require(document["id"].string)
            #expect(try Array(home.run("kb", "get", id).output) == files[bare], "\(bare)")
        }
        #expect(seen == Set(files.keys))
        try home.json("kb", "export", "out")
        let out = Array(home.folder.appending(path: "out/in").path(percentEncoded: false).utf8)
        for name in Self.names where !name.contains(UInt8(ascii: "\n")) {
            #expect(try RawFile.read(out + [0x2F] + name) == files[name], "\(name)")
        }
        #expect(try RawFile.read(out + [0x2F] + Array("line_break".utf8)) == files[Array("line\nbreak".utf8)])
    }

    /// 256 MiB; `AI_TEAM_TEST_SPARSE_MIB=2048` for the whole of it.
    @Test("A large sparse file comes back as it went in")
    func large() throws {
        let home = try TestHome()
        let path = try home.file("large.bin", Data("begin".utf8))
        let file = try FileHandle(forUpdating: URL(filePath: path))
        let size = UInt64(stressCount("AI_TEAM_TEST_SPARSE_MIB", 256)) << 20
        for offset in [size / 3, size - 3] {
            try file.seek(toOffset: offset)
            try file.write(contentsOf: Data("end".utf8))
        }
        try file.close()
        let id = try #require(try home.json("kb", "upload", path)["uploaded"][0]["id"].string)
        let line = "[ \"$(\"$0\" kb get \(id) | sha256sum)\" = \"$(sha256sum < large.bin)\" ]"
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-o", "pipefail", "-c", line, Program.path]
        process.environment = [
            "PATH": "/usr/bin:/bin", "AI_TEAM_HOME": home.home, "AI_TEAM_KEY_FILE": home.keyFile,
        ]
        process.currentDirectoryURL = home.folder
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(try home.json("kb", "show", id)["size"].int == Int(size))
    }

    @Test("An interrupted upload exits 130, and what was committed stays")
    func interrupt() throws {
        let home = try TestHome()
        let batch = 2048
        for index in 0..<batch { _ = try home.file("many/\(index)", Data("file \(index)".utf8)) }
        // In the second batch stands one that takes minutes.
        let endless = URL(filePath: try home.file("many/x", Data()))
        try FileHandle(forWritingTo: endless).truncate(atOffset: 1 << 36)
        let upload = try RunningProgram(["kb", "upload", "many", "--json"], in: home)
        func count() throws -> Int { try home.json("kb", "list", "--limit", "0").list.count }
        while try count() < batch, upload.isRunning {}
        upload.send(SIGINT)
        let (status, output) = upload.wait()
        #expect(status == 130)
        #expect(output.isEmpty)
        #expect(try count() == batch)
        try home.json("doctor")
        try FileManager.default.removeItem(at: endless)
        _ = try home.file("many/y", Data("one more".utf8))
        let again = try home.json("kb", "upload", "many")["uploaded"].list
        #expect(again.count { $0["status"].string == "unchanged" } == batch)
        #expect(try count() == batch + 1)
    }
}

/// Files whose names are bytes.
private enum RawFile {
    private static func text(_ path: [UInt8]) -> [CChar] { path.map { CChar(bitPattern: $0) } + [0] }

    static func write(_ path: [UInt8], _ bytes: [UInt8]) throws {
        let file = open(text(path), O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard file >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        try handle.write(contentsOf: Data(bytes))
        try handle.close()
    }

    static func read(_ path: [UInt8]) throws -> [UInt8] {
        let file = open(text(path), O_RDONLY)
        guard file >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        defer { try? handle.close() }
        return Array(try handle.readToEnd() ?? Data())
    }
}
