import Cryptography
import Foundation
import Testing

/// The vectors of c2sp.org/chunked-encryption, applied as their documentation asks: in memory, as a stream,
/// by random access, and by sealing again with the same salt.
@Suite struct CobblestoneVectorTests {
    struct Run: Decodable { let at: Int, hex: String }
    struct Case: Decodable {
        let id: Int, note: String, valid: Bool, key, ctx: String, flags: [String], count: Int, runs: [Run]
        let msgLength: Int?, msgSha512: String?

        var ciphertext: [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            for run in runs {
                let content = hex(run.hex)
                bytes.replaceSubrange(run.at..<run.at + content.count, with: content)
            }
            return bytes
        }
        var header: [UInt8] { Array(ciphertext.prefix(Cobblestone.headerCount)) }
    }

    static let cases: [Case] = (try? VectorFiles.load("wycheproof-cobblestone-256")) ?? []

    @Test func theFileIsThere() { #expect(Self.cases.count == 35) }

    @Test(arguments: cases)
    func inMemory(_ test: Case) throws {
        let key = secret(hex(test.key)), ciphertext = test.ciphertext
        guard test.valid else {
            #expect(failure { _ = try Cobblestone.open(key: key, context: hex(test.ctx), ciphertext) } != nil)
            return
        }
        let message = try Cobblestone.open(key: key, context: hex(test.ctx), ciphertext)
        #expect(message.count == test.msgLength)
        #expect(hex(Hash.digest(.sha512, message)) == test.msgSha512)
        let again = try Cobblestone.seal(
            key: key, context: hex(test.ctx), salt: Array(ciphertext.prefix(24)), message)
        #expect(again == ciphertext)
    }

    /// Nothing beyond the longest valid prefix is handed on.
    @Test(arguments: cases)
    func asAStream(_ test: Case) throws {
        let ciphertext = test.ciphertext
        var hasher = Cryptography.Hasher(.sha512)
        var emitted = 0
        let result = failure {
            var decryptor = try CobblestoneDecryptor(
                key: secret(hex(test.key)), context: hex(test.ctx), header: test.header)
            for start in stride(from: 56, to: ciphertext.count, by: 5000) {
                try decryptor.update(Array(ciphertext[start..<min(ciphertext.count, start + 5000)])) {
                    emitted += $0.count
                    hasher.update($0)
                }
            }
            try decryptor.finalize {
                emitted += $0.count
                hasher.update($0)
            }
        }
        #expect((result == nil) == test.valid)
        #expect(emitted == test.msgLength ?? 0)
        let digest = hasher.finalize()
        if let expected = test.msgSha512 { #expect(hex(digest) == expected) }
        if test.flags.contains("HeaderFailure") { #expect(emitted == 0) }
    }

    @Test(arguments: cases)
    func byRandomAccess(_ test: Case) throws {
        let ciphertext = test.ciphertext
        var lengthResult: CryptoError.Code?
        let result = failure {
            var reader = try CobblestoneReader(
                key: secret(hex(test.key)), context: hex(test.ctx), header: test.header,
                ciphertextCount: ciphertext.count)
            do {
                try reader.authenticateLength { Array(ciphertext[$0]) }
            } catch {
                lengthResult = (error as? CryptoError)?.code
                throw error
            }
            let message = try reader.read(0..<Int.max) { Array(ciphertext[$0]) }
            #expect(hex(Hash.digest(.sha512, message)) == test.msgSha512)
        }
        #expect((result == nil) == test.valid)
        if test.flags.contains("ValidFinalChunk") { #expect(lengthResult == nil) }
    }
}
