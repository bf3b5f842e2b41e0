import Cryptography
import Testing

@Suite struct SecretBytesTests {
    @Test(arguments: [0, 1, 32, 64, 65, 4096, 4097, 100_000])
    func holdsWhatItWasGiven(_ count: Int) throws {
        let content = try RandomBytes.bytes(count)
        let one = secret(content)
        let two = one.copy()
        #expect(bytes(one) == content)
        #expect(bytes(two) == content)
        #expect(one.count == count)
    }

    @Test func manyLiveAtOnce() throws {
        // More than the shared region holds, so that some have pages of their own.
        try nest(700, outer: SecretBytes.random(count: 32))
    }

    private func nest(_ depth: Int, outer: borrowing SecretBytes) throws {
        guard depth > 0 else { return }
        let before = bytes(outer)
        let inner = try SecretBytes.random(count: 32)
        try nest(depth - 1, outer: inner)
        #expect(bytes(outer) == before)
        let isEqual = ConstantTime.equal(outer, inner)
        #expect(!isEqual)
    }

    @Test func wipingEmptiesTheArray() {
        var source: [UInt8] = [1, 2, 3]
        let taken = SecretBytes(wiping: &source)
        #expect(source.isEmpty)
        #expect(bytes(taken) == [1, 2, 3])
    }

    @Test func aFailedFillThrows() {
        let code = failure {
            _ = try SecretBytes(count: 10) { (_) throws(CryptoError) in throw CryptoError(.malformed, "no") }
        }
        #expect(code == .malformed)
    }

    @Test func comparison() {
        #expect(ConstantTime.equal([], []))
        #expect(ConstantTime.equal([1, 2], [1, 2]))
        #expect(!ConstantTime.equal([1, 2], [1, 3]))
        #expect(!ConstantTime.equal([1, 2], [1, 2, 3]))
    }
}
