/// Bech32 (BIP 173) of any length, as age writes its X25519 keys (C2SP age.md): a readable prefix, `1`, five
/// bits a letter and a checksum that finds typing errors.
public enum Bech32 {
    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
    private static let generator: [UInt32] = [
        0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3,
    ]
    /// Letters of the checksum.
    private static let checksumCount = 6

    /// The text of `bytes`, all lower case.
    ///
    /// - Parameter prefix: lower-case letters and hyphens.
    public static func encode(_ prefix: String, _ bytes: [UInt8]) -> String {
        let data = regroup(bytes, from: 8, to: 5, padded: true) ?? []
        let values = expand(prefix) + data
        let check = polymod(values + [UInt8](repeating: 0, count: checksumCount)) ^ 1
        let sum = (0..<checksumCount).map { UInt8(truncatingIfNeeded: check >> (5 * (5 - UInt32($0))) & 31) }
        return prefix + "1" + String(decoding: (data + sum).map { alphabet[Int($0)] }, as: UTF8.self)
    }

    /// Prefix (lower case) and bytes of a text that is all in one case; nil for anything else, such as a
    /// typing error.
    public static func decode(_ text: String) -> (prefix: String, bytes: [UInt8])? {
        let lower = text.lowercased()
        guard text == lower || text == text.uppercased(), let one = lower.lastIndex(of: "1")
        else { return nil }
        let prefix = String(lower[..<one])
        var values: [UInt8] = []
        for letter in lower[lower.index(after: one)...].utf8 {
            guard let value = alphabet.firstIndex(of: letter) else { return nil }
            values.append(UInt8(value))
        }
        guard !prefix.isEmpty, prefix.utf8.allSatisfy({ (33...126).contains($0) }),
            values.count >= checksumCount, polymod(expand(prefix) + values) == 1,
            let bytes = regroup(values.dropLast(checksumCount), from: 5, to: 8, padded: false)
        else { return nil }
        return (prefix, bytes)
    }

    private static func expand(_ prefix: String) -> [UInt8] {
        prefix.utf8.map { $0 >> 5 } + [0] + prefix.utf8.map { $0 & 31 }
    }

    private static func polymod(_ values: [UInt8]) -> UInt32 {
        var sum: UInt32 = 1
        for value in values {
            let top = sum >> 25
            sum = (sum & 0x1FF_FFFF) << 5 ^ UInt32(value)
            for bit in 0..<5 where top >> UInt32(bit) & 1 == 1 { sum ^= generator[bit] }
        }
        return sum
    }

    /// Nil when bits are left over that are not zero, or a whole group of them.
    private static func regroup(
        _ values: some Sequence<UInt8>, from: UInt32, to: UInt32, padded: Bool
    ) -> [UInt8]? {
        var result: [UInt8] = []
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for value in values {
            buffer = buffer << from | UInt32(value)
            bits += from
            while bits >= to {
                bits -= to
                result.append(UInt8(truncatingIfNeeded: buffer >> bits & (1 << to - 1)))
            }
            buffer &= 1 << bits - 1
        }
        if padded {
            if bits > 0 { result.append(UInt8(truncatingIfNeeded: buffer << (to - bits) & (1 << to - 1))) }
        } else if bits >= from || buffer != 0 {
            return nil
        }
        return result
    }
}
