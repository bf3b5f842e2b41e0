import Cryptography
import Foundation
import Testing

/// Our own formats against `scripts/vectors.py`, which implements them with Python's `cryptography`.
@Suite struct FormatVectorTests {
    @Test func theCommittedVectorsFit() throws {
        let vectors = try VectorFiles.load("format", as: [FormatVector].self)
        #expect(vectors.count == 21)
        for (index, vector) in vectors.enumerated() {
            #expect(try vector.opened() == vector.content, "vector \(index), \(vector.kind)")
            #expect(try vector.made() == vector.artefact, "vector \(index), \(vector.kind)")
        }
    }

    @Test func theScriptStillWritesTheCommittedVectors() throws {
        let committed = try Data(contentsOf: VectorFiles.folder.appending(path: "format.json"))
        #expect(try Python.vectors(["print"]) == committed)
    }

    /// Python seals (Cobblestone half the time with its own implementation), Swift opens and makes the same.
    @Test func swiftReadsWhatPythonWrites() throws {
        let seed = Int.random(in: 0..<1 << 30)
        let made = try Python.vectors(["make", "\(seed)", "8"])
        let vectors = try JSONDecoder().decode([FormatVector].self, from: made)
        #expect(vectors.count == 48)
        for vector in vectors {
            #expect(try vector.opened() == vector.content, "seed \(seed), \(vector.kind)")
            #expect(try vector.made() == vector.artefact, "seed \(seed), \(vector.kind)")
        }
    }

    /// Swift seals with fresh salts, Python opens; and finds nothing once a byte was changed.
    @Test func pythonReadsWhatSwiftWrites() throws {
        let vectors = try (0..<8).flatMap { _ in try Self.fresh() }
        let broken = vectors.map { vector in
            var broken = vector
            broken.wrap = vector.wrap.map(Self.changed)
            broken.box = vector.box.map(Self.changed)
            broken.sealed = vector.sealed.map(Self.changed)
            return broken
        }
        let input = try JSONEncoder().encode(vectors + broken)
        let answers = try JSONDecoder().decode([String?].self, from: Python.vectors(["open"], input: input))
        #expect(answers.count == vectors.count * 2)
        for (vector, answer) in zip(vectors, answers) { #expect(answer == hex(vector.content)) }
        #expect(answers.dropFirst(vectors.count).allSatisfy { $0 == nil })
    }

    private static func changed(_ text: String) -> String {
        var bytes = hex(text)
        bytes[Int.random(in: bytes.indices)] ^= 1 << UInt8.random(in: 0..<8)
        return hex(bytes)
    }

    /// A wrap, a box and a file with everything in them random.
    private static func fresh() throws -> [FormatVector] {
        let key = try RandomBytes.bytes(32), other = try RandomBytes.bytes(32)
        let aad = try RandomBytes.bytes(20)
        let wrap = try Wrap.seal(secret(other), under: secret(key), aad: aad)
        let recipient = try AgreementKey(seed: secret(key))
        let ephemeral = try AgreementKey.random()
        let box = try SealedBox.seal(
            secret(other), to: recipient.publicKey, ephemeral: ephemeral, salt: aad, info: aad)
        let size = [0, 1, 16383, 16384, 16385, 50000].randomElement() ?? 0
        let message = try RandomBytes.bytes(size)
        let sealed = try Cobblestone.seal(key: secret(key), context: aad, message)
        return [
            FormatVector(kind: "wrap", key: hex(key), aad: hex(aad), secret: hex(other), wrap: hex(wrap)),
            FormatVector(
                kind: "box", salt: hex(aad), secret: hex(other), recipient: hex(key),
                ephemeralPublic: hex(ephemeral.publicKey), info: hex(aad), box: hex(box)),
            FormatVector(
                kind: "cobblestone", key: hex(key), message: hex(message), sealed: hex(sealed),
                context: hex(aad)),
        ]
    }
}
