import Cryptography
import Glibc
import Testing

@Suite struct RandomTests {
    @Test func noncesNeverRepeat() throws {
        var pool = NoncePool()
        var seen: Set<[UInt8]> = []
        for _ in 0..<10_000 { seen.insert(try nonce(&pool)) }
        #expect(seen.count == 10_000)
    }

    @Test func aPoolHoldsSixtyFourAndIsDropped() throws {
        var pool = NoncePool()
        var left = [pool.count]
        for _ in 0..<65 {
            _ = try nonce(&pool)
            left.append(pool.count)
        }
        #expect(left == [0] + Array((0...63).reversed()) + [63])
        pool.drop()
        left = [pool.count]
        #expect(left == [0])
    }

    @Test func aShortBufferIsRefused() {
        var pool = NoncePool()
        var short = [UInt8](repeating: 0, count: 23)
        var code: CryptoError.Code?
        short.withUnsafeMutableBytes { buffer in
            do throws(CryptoError) { try pool.next(into: buffer) } catch { code = error.code }
        }
        #expect(code == .invalidLength)
    }

    @Test(arguments: [0, 1, 23, 24, 25, 1000])
    func bytesDiffer(_ count: Int) throws {
        let one = try RandomBytes.bytes(count)
        #expect(one.count == count)
        if count >= 23 { #expect(try RandomBytes.bytes(count) != one) }
        if count == 1000 { #expect(Set(one).count > 200) }
    }

    private func nonce(_ pool: inout NoncePool) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: NoncePool.nonceCount)
        let result = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(CryptoError) in try pool.next(into: buffer) }
        }
        try result.get()
        return bytes
    }
}
