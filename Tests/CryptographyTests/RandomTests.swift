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

    /// A child draws its own: were the pool not dropped, both would use the same bytes.
    @Test func aForkDropsThePool() throws {
        var pool = NoncePool()
        _ = try nonce(&pool)
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        // Swift hides fork(2); this child only draws, reports and leaves.
        let symbol = try #require(dlsym(nil, "fork"))
        let fork = unsafeBitCast(symbol, to: (@convention(c) () -> pid_t).self)
        let child = fork()
        if child == 0 {
            _ = try? nonce(&pool)
            var count = UInt8(pool.count)
            _exit(write(ends[1], &count, 1) == 1 ? 0 : 1)
        }
        var count: UInt8 = 0
        #expect(read(ends[0], &count, 1) == 1)
        var status: Int32 = 0
        #expect(waitpid(child, &status, 0) == child)
        close(ends[0])
        close(ends[1])
        #expect(status == 0)
        #expect(count == 63, "62 would be the parent's pool")
        _ = try nonce(&pool)
        let left = pool.count
        #expect(left == 62)
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
