import FileSystem
import Foundation
import TestSupport
import Testing
import Vault

@Suite struct BlobTamperTests {
    /// Uploads one file and gives the document's id and the path of its blob.
    private func stored(_ test: TestVault, _ bytes: [UInt8], name: String = "f") throws -> (String, String) {
        let files = try TemporaryDirectory()
        try Data(bytes).write(to: URL(fileURLWithPath: files(name)))
        let report = try test.vault.upload([Array(name.utf8)], workingDirectory: Array(files.path.utf8))
        let id = report.uploaded[0].id
        let reference = try test.vault.read { try $0.document(id).content }
        return (id, try test.vault.blobs.path(test.vault.blobs.name(reference)))
    }

    @Test func everyFlippedByteIsNoticed() throws {
        let seed = UInt64.random(in: 1...10_000)
        print("seed \(seed)")
        let test = try TestVault(seed: seed)
        let content = (0..<40_000).map { _ in UInt8(truncatingIfNeeded: test.world.next()) }
        let (id, path) = try stored(test, content)
        let good = try Files.readAll(path, limit: 1 << 20)
        for _ in 0..<60 {
            var bad = good
            let position = test.world.below(bad.count)
            bad[position] ^= 1 << UInt8(test.world.below(8))
            try Data(bad).write(to: URL(fileURLWithPath: path))
            let error = expect(.integrityFailure) { try test.vault.readDocument(id) { _ in } }
            #expect(error?.message.contains("blob") == true, "byte \(position)")
        }
        try Data(good).write(to: URL(fileURLWithPath: path))
        try test.vault.readDocument(id) { _ in }
    }

    @Test func otherLengthsAreNoticed() throws {
        let test = try TestVault()
        let (id, path) = try stored(
            test, [UInt8](repeating: 7, count: 100_000).map { _ in UInt8.random(in: 0...255) })
        let good = try Files.readAll(path, limit: 1 << 20)
        let bads = [
            Array(good.dropLast()), Array(good.dropLast(16_400)), good + [0], Array(good.prefix(56)), [],
            good + good.suffix(16_400), Array(good.prefix(56 + 16_400)),
        ]
        for bad in bads {
            try Data(bad).write(to: URL(fileURLWithPath: path))
            expect(.integrityFailure) { try test.vault.readDocument(id) { _ in } }
            expect(.integrityFailure) { try test.vault.readDocument(id, range: 0..<10) }
        }
        try Durable.remove(path)
        expect(.notFound) { try test.vault.readDocument(id) { _ in } }
    }

    @Test func blobsCantChangePlaces() throws {
        let test = try TestVault()
        let (one, first) = try stored(test, Array("one".utf8), name: "1")
        let (two, second) = try stored(test, Array("two".utf8), name: "2")
        let bytes = try Files.readAll(first, limit: 1 << 20)
        #expect(try Files.readAll(second, limit: 1 << 20).count == bytes.count)
        try Data(bytes).write(to: URL(fileURLWithPath: second))
        expect(.integrityFailure) { try test.vault.readDocument(two) { _ in } }
        try test.vault.readDocument(one) { _ in }
    }
}
