import Foundation
import Sync
import TestSupport
import Testing

/// Pictures of tokens, read by another program.
struct QRCodeTests {
    private static let reader = "/usr/bin/zbarimg"
    private static var hasReader: Bool { FileManager.default.isExecutableFile(atPath: reader) }

    private func read(_ code: QRCode, in directory: TemporaryDirectory) throws -> String {
        let (quiet, scale) = (4, 4)
        let side = (code.size + 2 * quiet) * scale
        var image = Data("P5 \(side) \(side) 255\n".utf8)
        for y in 0..<side {
            for x in 0..<side {
                let isDark = code.isDark(column: x / scale - quiet, row: y / scale - quiet)
                image.append(isDark ? 0 : 255)
            }
        }
        let url = URL(filePath: directory("code.pgm"))
        try image.write(to: url)
        let process = Process()
        process.executableURL = URL(filePath: Self.reader)
        process.arguments = ["--raw", "-q", url.path(percentEncoded: false)]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    private func text(_ count: Int, _ random: inout SplitMix64) -> String {
        let letters = Array("0123456789abcdefghjkmnpqrstvwxyz")
        return String((0..<count).compactMap { _ in letters.randomElement(using: &random) })
    }

    @Test(.enabled(if: hasReader, "zbar-tools is not installed"))
    func anotherProgramReadsEveryVersionLevelAndMask() throws {
        let directory = try TemporaryDirectory()
        var random = SplitMix64(seed: 20)
        var versions: Set<Int> = []
        for level in QRCode.Level.allCases {
            for count in [1, 17, 30, 50, 75, 100, 125, 150, 180, level == .low ? 271 : 213] {
                let text = text(count, &random)
                let code = try #require(QRCode(Array(text.utf8), level: level))
                versions.insert(code.version)
                #expect(try read(code, in: directory) == text, "\(count) bytes, \(level), \(code.mask)")
            }
        }
        #expect(versions == Set(1...10))
        for mask in 0..<8 {
            let text = text(160, &random)
            let code = try #require(QRCode(Array(text.utf8), mask: mask))
            #expect(try read(code, in: directory) == text, "mask \(mask)")
        }
    }

    @Test func whatDoesNotFitHasNoPicture() {
        #expect(QRCode([UInt8](repeating: 48, count: 271))?.version == 10)
        #expect(QRCode([UInt8](repeating: 48, count: 272)) == nil)
        #expect(QRCode([UInt8](repeating: 48, count: 213), level: .medium)?.version == 10)
        #expect(QRCode([UInt8](repeating: 48, count: 214), level: .medium) == nil)
    }

    @Test func aTerminalGetsHalfAsManyLinesWithAQuietZone() throws {
        let code = try #require(QRCode(Array("token".utf8)))
        #expect(code.version == 1 && code.size == 21)
        #expect(code.lines.count == 15 && code.lines.allSatisfy { $0.count == 29 })
        #expect(code.lines.prefix(2).allSatisfy { $0.allSatisfy { $0 == "█" } })
    }
}
