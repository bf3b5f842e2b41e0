/// Builds ustar archives byte by byte, also those that no honest program writes.
struct HostileTar {
    private(set) var bytes: [UInt8] = []

    /// Appends a member. `declared` is the length in the header, when it should lie.
    mutating func add(
        _ name: String, type: Character = "0", link: String = "", content: [UInt8] = [],
        declared: Int64? = nil
    ) {
        bytes += Self.header(name, type: type, link: link, size: declared ?? Int64(content.count))
        bytes += content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    /// The archive with its two blocks of zeros.
    func finished() -> [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    static func header(_ name: String, type: Character, link: String, size: Int64) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int, limit: Int) {
            for (i, byte) in text.utf8.prefix(limit).enumerated() { block[offset + i] = byte }
        }
        put(name, at: 0, limit: 100)
        put("0000644", at: 100, limit: 7)
        put("0000000", at: 108, limit: 7)
        put("0000000", at: 116, limit: 7)
        if size < 1 << 33 {
            let octal = String(size, radix: 8)
            put(String(repeating: "0", count: 11 - octal.count) + octal, at: 124, limit: 11)
        } else {
            block[124] = 0x80
            for i in 0..<8 { block[128 + i] = UInt8(truncatingIfNeeded: size >> (8 * (7 - i))) }
        }
        put("00000000000", at: 136, limit: 11)
        put(String(type), at: 156, limit: 1)
        put(link, at: 157, limit: 100)
        put("ustar", at: 257, limit: 5)
        put("00", at: 263, limit: 2)
        put("        ", at: 148, limit: 8)
        let sum = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
        put(String(repeating: "0", count: 6 - sum.count) + sum + "\0 ", at: 148, limit: 8)
        return block
    }
}

/// Hands out `bytes` in pieces.
func pieces(_ bytes: [UInt8], of size: Int = 10_000) -> () -> [UInt8] {
    var rest = bytes[...]
    return {
        defer { rest = rest.dropFirst(size) }
        return Array(rest.prefix(size))
    }
}
