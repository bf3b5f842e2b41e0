/// A QR code (ISO/IEC 18004) in byte mode, versions 1 to 10: a token as a picture that another screen reads.
public struct QRCode: Sendable {
    /// How much of it may be unreadable: about 7 or 15 percent.
    public enum Level: Int, Sendable, CaseIterable { case low, medium }

    /// Its size: 4 × version + 17 modules on a side.
    public let version: Int
    /// Modules on a side.
    public let size: Int
    /// Which of the eight patterns is laid over the data.
    public private(set) var mask = 0
    private var isDark: [Bool]
    private var isFunction: [Bool]
    private let level: Level

    /// Encodes `bytes` in the smallest version that holds them; nil when none does.
    ///
    /// - Parameter mask: 0 to 7; nil takes the one that scanners read best.
    public init?(_ bytes: [UInt8], level: Level = .low, mask: Int? = nil) {
        guard let version = (1...10).first(where: { Self.capacity($0, level) >= bytes.count }) else {
            return nil
        }
        self.version = version
        self.level = level
        size = 4 * version + 17
        isDark = [Bool](repeating: false, count: size * size)
        isFunction = isDark
        drawFunctionPatterns()
        draw(Self.codewords(bytes, version, level))
        self.mask = mask ?? bestMask()
        apply(self.mask)
        drawFormat(self.mask)
    }

    /// Whether a module is dark; those around the picture are light.
    public func isDark(column x: Int, row y: Int) -> Bool {
        x >= 0 && y >= 0 && x < size && y < size && isDark[y * size + x]
    }

    /// The picture in half blocks, quiet zone included, for light letters on a dark ground.
    public var lines: [String] {
        let quiet = 4
        return stride(from: -quiet, to: size + quiet, by: 2).map { y in
            (-quiet..<size + quiet).reduce(into: "") { line, x in
                let (upper, lower) = (isDark(column: x, row: y), isDark(column: x, row: y + 1))
                line += upper ? (lower ? " " : "▄") : (lower ? "▀" : "█")
            }
        }
    }
}

// MARK: - Data

extension QRCode {
    private static let checkCounts: [Level: [Int]] = [
        .low: [7, 10, 15, 20, 26, 18, 20, 24, 30, 18], .medium: [10, 16, 26, 18, 24, 16, 18, 22, 22, 26],
    ]
    private static let blockCounts: [Level: [Int]] = [
        .low: [1, 1, 1, 1, 1, 2, 2, 2, 2, 4], .medium: [1, 1, 1, 2, 2, 4, 4, 4, 5, 5],
    ]

    private static func checkCount(_ version: Int, _ level: Level) -> Int {
        (checkCounts[level] ?? [])[version - 1]
    }

    private static func blockCount(_ version: Int, _ level: Level) -> Int {
        (blockCounts[level] ?? [])[version - 1]
    }

    /// Codewords of a version, data and checks.
    private static func codewordCount(_ version: Int) -> Int {
        var modules = (16 * version + 128) * version + 64
        if version >= 2 {
            let alignments = version / 7 + 2
            modules -= (25 * alignments - 10) * alignments - 55
            if version >= 7 { modules -= 36 }
        }
        return modules / 8
    }

    private static func dataCount(_ version: Int, _ level: Level) -> Int {
        codewordCount(version) - checkCount(version, level) * blockCount(version, level)
    }

    /// Bytes that fit beside the mode (4 bits) and the length (8 or 16 bits).
    private static func capacity(_ version: Int, _ level: Level) -> Int {
        dataCount(version, level) - (version < 10 ? 2 : 3)
    }

    private static func codewords(_ bytes: [UInt8], _ version: Int, _ level: Level) -> [UInt8] {
        var bits: [Bool] = []
        func append(_ value: Int, _ count: Int) {
            for bit in (0..<count).reversed() { bits.append(value >> bit & 1 == 1) }
        }
        append(0b0100, 4)
        append(bytes.count, version < 10 ? 8 : 16)
        for byte in bytes { append(Int(byte), 8) }
        let count = dataCount(version, level)
        append(0, min(4, count * 8 - bits.count))
        append(0, (8 - bits.count % 8) % 8)
        var data = stride(from: 0, to: bits.count, by: 8).map { start in
            bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | ($1 ? 1 : 0) }
        }
        var padding: UInt8 = 0xEC
        while data.count < count {
            data.append(padding)
            padding ^= 0xEC ^ 0x11
        }
        return interleaved(data, version, level)
    }

    /// Splits the data into blocks, adds their checks, and takes one codeword of each in turn.
    private static func interleaved(_ data: [UInt8], _ version: Int, _ level: Level) -> [UInt8] {
        let (blocks, checks) = (blockCount(version, level), checkCount(version, level))
        let (short, longs) = (data.count / blocks, data.count % blocks)
        var parts: [[UInt8]] = []
        var start = 0
        for index in 0..<blocks {
            let count = short + (index >= blocks - longs ? 1 : 0)
            parts.append(Array(data[start..<start + count]))
            start += count
        }
        let remainders = parts.map { remainder($0, checks) }
        var result: [UInt8] = []
        for index in 0...short {
            for part in parts where index < part.count { result.append(part[index]) }
        }
        for index in 0..<checks { for remainder in remainders { result.append(remainder[index]) } }
        return result
    }

    /// The Reed-Solomon checks of a block: the remainder by (x - 1)(x - 2)…(x - 2^(count - 1)).
    private static func remainder(_ data: [UInt8], _ count: Int) -> [UInt8] {
        var divisor = [UInt8](repeating: 0, count: count)
        divisor[count - 1] = 1
        var root: UInt8 = 1
        for _ in 0..<count {
            for index in 0..<count {
                divisor[index] = product(divisor[index], root) ^ (index + 1 < count ? divisor[index + 1] : 0)
            }
            root = product(root, 2)
        }
        var rest = [UInt8](repeating: 0, count: count)
        for byte in data {
            let factor = byte ^ rest.removeFirst()
            rest.append(0)
            for index in 0..<count { rest[index] ^= product(divisor[index], factor) }
        }
        return rest
    }

    /// In GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1.
    private static func product(_ a: UInt8, _ b: UInt8) -> UInt8 {
        var result: UInt8 = 0
        for bit in (0..<8).reversed() {
            result = result << 1 ^ (result & 0x80 == 0 ? 0 : 0x1D)
            if b >> UInt8(bit) & 1 == 1 { result ^= a }
        }
        return result
    }
}

// MARK: - Picture

extension QRCode {
    private mutating func set(_ x: Int, _ y: Int, _ dark: Bool) {
        isDark[y * size + x] = dark
        isFunction[y * size + x] = true
    }

    private mutating func drawFunctionPatterns() {
        for index in 0..<size {
            set(6, index, index % 2 == 0)
            set(index, 6, index % 2 == 0)
        }
        for (x, y) in [(3, 3), (size - 4, 3), (3, size - 4)] { drawFinder(x, y) }
        let places = Self.alignments(version)
        let far = size - 7
        for x in places {
            for y in places where (x, y) != (6, 6) && (x, y) != (6, far) && (x, y) != (far, 6) {
                drawAlignment(x, y)
            }
        }
        drawFormat(0)
        drawVersion()
    }

    private static func alignments(_ version: Int) -> [Int] {
        guard version >= 2 else { return [] }
        let last = 4 * version + 10
        return version < 7 ? [6, last] : [6, (last + 6) / 2, last]
    }

    /// A finder with the light line around it.
    private mutating func drawFinder(_ x: Int, _ y: Int) {
        for dy in -4...4 {
            for dx in -4...4 {
                let (column, row) = (x + dx, y + dy)
                guard column >= 0, row >= 0, column < size, row < size else { continue }
                let distance = max(abs(dx), abs(dy))
                set(column, row, distance != 2 && distance != 4)
            }
        }
    }

    private mutating func drawAlignment(_ x: Int, _ y: Int) {
        for dy in -2...2 { for dx in -2...2 { set(x + dx, y + dy, max(abs(dx), abs(dy)) != 1) } }
    }

    /// Level and mask with ten check bits, twice.
    private mutating func drawFormat(_ mask: Int) {
        let data = (level == .low ? 1 : 0) << 3 | mask
        var rest = data
        for _ in 0..<10 { rest = rest << 1 ^ (rest >> 9) * 0x537 }
        let bits = (data << 10 | rest) ^ 0x5412
        func bit(_ index: Int) -> Bool { bits >> index & 1 == 1 }
        for index in 0...5 { set(8, index, bit(index)) }
        set(8, 7, bit(6))
        set(8, 8, bit(7))
        set(7, 8, bit(8))
        for index in 9..<15 { set(14 - index, 8, bit(index)) }
        for index in 0..<8 { set(size - 1 - index, 8, bit(index)) }
        for index in 8..<15 { set(8, size - 15 + index, bit(index)) }
        set(8, size - 8, true)
    }

    /// From version 7 on, the version with twelve check bits, twice.
    private mutating func drawVersion() {
        guard version >= 7 else { return }
        var rest = version
        for _ in 0..<12 { rest = rest << 1 ^ (rest >> 11) * 0x1F25 }
        let bits = version << 12 | rest
        for index in 0..<18 {
            let (a, b) = (size - 11 + index % 3, index / 3)
            set(a, b, bits >> index & 1 == 1)
            set(b, a, bits >> index & 1 == 1)
        }
    }

    /// Two columns at a time from the right, up and down in turn, around what is drawn already.
    private mutating func draw(_ codewords: [UInt8]) {
        var index = 0
        var isUpward = true
        for pair in stride(from: size - 1, through: 1, by: -2) {
            let right = pair <= 6 ? pair - 1 : pair
            for step in 0..<size {
                let y = isUpward ? size - 1 - step : step
                for x in [right, right - 1] where !isFunction[y * size + x] {
                    if index < codewords.count * 8 {
                        isDark[y * size + x] = codewords[index / 8] >> UInt8(7 - index % 8) & 1 == 1
                        index += 1
                    }
                }
            }
            isUpward.toggle()
        }
    }

    private mutating func apply(_ mask: Int) {
        for y in 0..<size {
            for x in 0..<size where !isFunction[y * size + x] {
                let flips =
                    switch mask {
                    case 0: (x + y) % 2 == 0
                    case 1: y % 2 == 0
                    case 2: x % 3 == 0
                    case 3: (x + y) % 3 == 0
                    case 4: (x / 3 + y / 2) % 2 == 0
                    case 5: x * y % 2 + x * y % 3 == 0
                    case 6: (x * y % 2 + x * y % 3) % 2 == 0
                    default: ((x + y) % 2 + x * y % 3) % 2 == 0
                    }
                if flips { isDark[y * size + x].toggle() }
            }
        }
    }

    /// The mask with the fewest runs, squares, false finders and the best balance.
    private func bestMask() -> Int {
        (0..<8).min { penalty($0) < penalty($1) } ?? 0
    }

    private func penalty(_ mask: Int) -> Int {
        var tried = self
        tried.apply(mask)
        tried.drawFormat(mask)
        var total = 0
        for y in 0..<size {
            total += Self.penalty((0..<size).map { tried.isDark(column: $0, row: y) })
            total += Self.penalty((0..<size).map { tried.isDark(column: y, row: $0) })
        }
        for y in 0..<size - 1 {
            for x in 0..<size - 1 {
                let dark = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)].count {
                    tried.isDark(column: $0.0, row: $0.1)
                }
                if dark % 4 == 0 { total += 3 }
            }
        }
        let share = tried.isDark.count { $0 } * 20
        return total + 10 * (abs(share - 10 * size * size) / (size * size))
    }

    /// Of a row or column: runs of five or more, and what looks like a finder.
    private static func penalty(_ line: [Bool]) -> Int {
        var total = 0
        var run = 1
        for index in 1...line.count {
            if index < line.count, line[index] == line[index - 1] {
                run += 1
            } else {
                if run >= 5 { total += run - 2 }
                run = 1
            }
        }
        let finder = [true, false, true, true, true, false, true]
        let light = [Bool](repeating: false, count: 4)
        for pattern in [finder + light, light + finder] {
            for start in 0...(line.count - pattern.count)
            where Array(line[start..<start + pattern.count]) == pattern { total += 40 }
        }
        return total
    }
}
