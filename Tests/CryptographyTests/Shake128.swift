/// SHAKE-128 (FIPS 202) as an endless stream, for C2SP's accumulated tests: OpenSSL 3.0 squeezes only once.
struct Shake128 {
    private static let rate = 168
    private static let constants: [UInt64] = {
        // The linear feedback shift register of FIPS 202, 3.2.5.
        var register: UInt16 = 1
        return (0..<24).map { _ in
            var constant: UInt64 = 0
            for power in 0...6 {
                if register & 1 == 1 { constant |= 1 << ((1 << UInt64(power)) - 1) }
                register = register << 1 ^ (register >> 7) * 0x171
            }
            return constant
        }
    }()
    /// The lanes in the order that rho and pi visit them, and the rotation of each.
    private static let path: [(lane: Int, rotation: UInt64)] = {
        var (x, y) = (1, 0)
        return (0..<24).map { step in
            (x, y) = (y, (2 * x + 3 * y) % 5)
            return (x + 5 * y, UInt64((step + 1) * (step + 2) / 2 % 64))
        }
    }()

    private var lanes = [UInt64](repeating: 0, count: 25)
    private var position = 0
    private var isSqueezing = false

    mutating func absorb(_ bytes: [UInt8]) {
        for byte in bytes {
            mix(byte)
            position += 1
            if position == Self.rate { permute() }
        }
    }

    mutating func squeeze(_ count: Int) -> [UInt8] {
        if !isSqueezing {
            isSqueezing = true
            mix(0x1f)
            position = Self.rate - 1
            mix(0x80)
            permute()
        }
        return (0..<count).map { _ in
            if position == Self.rate { permute() }
            defer { position += 1 }
            return UInt8(truncatingIfNeeded: lanes[position >> 3] >> UInt64((position & 7) * 8))
        }
    }

    private mutating func mix(_ byte: UInt8) {
        lanes[position >> 3] ^= UInt64(byte) << UInt64((position & 7) * 8)
    }

    /// Keccak-f[1600]. Plain loops: iterators cost seconds in a debug build.
    private mutating func permute() {
        position = 0
        lanes.withUnsafeMutableBufferPointer { a in
            Self.path.withUnsafeBufferPointer { path in
                var round = 0
                while round < 24 {
                    Self.theta(a)
                    Self.rhoAndPi(a, path)
                    Self.chi(a)
                    a[0] ^= Self.constants[round]
                    round += 1
                }
            }
        }
    }

    private static func theta(_ a: UnsafeMutableBufferPointer<UInt64>) {
        let c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20], c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21]
        let c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22], c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23]
        let c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24]
        let d0 = c4 ^ rotate(c1, 1), d1 = c0 ^ rotate(c2, 1), d2 = c1 ^ rotate(c3, 1)
        let d3 = c2 ^ rotate(c4, 1), d4 = c3 ^ rotate(c0, 1)
        var y = 0
        while y < 25 {
            a[y] ^= d0
            a[y + 1] ^= d1
            a[y + 2] ^= d2
            a[y + 3] ^= d3
            a[y + 4] ^= d4
            y += 5
        }
    }

    private static func rhoAndPi(
        _ a: UnsafeMutableBufferPointer<UInt64>, _ path: UnsafeBufferPointer<(lane: Int, rotation: UInt64)>
    ) {
        var moving = a[1]
        var step = 0
        while step < 24 {
            let next = a[path[step].lane]
            a[path[step].lane] = rotate(moving, path[step].rotation)
            moving = next
            step += 1
        }
    }

    private static func chi(_ a: UnsafeMutableBufferPointer<UInt64>) {
        var y = 0
        while y < 25 {
            let b0 = a[y], b1 = a[y + 1], b2 = a[y + 2], b3 = a[y + 3], b4 = a[y + 4]
            a[y] = b0 ^ (~b1 & b2)
            a[y + 1] = b1 ^ (~b2 & b3)
            a[y + 2] = b2 ^ (~b3 & b4)
            a[y + 3] = b3 ^ (~b4 & b0)
            a[y + 4] = b4 ^ (~b0 & b1)
            y += 5
        }
    }

    @inline(__always)
    private static func rotate(_ lane: UInt64, _ count: UInt64) -> UInt64 {
        lane &<< count | lane &>> (64 &- count)
    }
}
