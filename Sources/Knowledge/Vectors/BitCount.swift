/// Counts bits in four numbers at a time by plain arithmetic: the machines that this is built for have no
/// instruction that counts the bits of many words.
enum BitCount {
    typealias Words = SIMD4<UInt64>

    /// The bits of six words, counted within each 16 bits of the sum. Full adders join them first (Harley and
    /// Seal; see Warren, Hacker's Delight, 5-1), so that three numbers are counted and not six.
    @inline(__always)
    static func six(_ a: Words, _ b: Words, _ c: Words, _ d: Words, _ e: Words, _ f: Words) -> Words {
        let (left, right) = (add(a, b, c), add(d, e, f))
        let ones = left.sum ^ right.sum
        let high = add(left.carry, right.carry, left.sum & right.sum)
        // Of four bits at most 4 + 2 * 4 are counted, of eight at most twice that and 4 * 8.
        let nibbles = inNibbles(ones) &+ (inNibbles(high.sum) &<< 1)
        return inSixteens(inBytes(nibbles) &+ (inBytes(inNibbles(high.carry)) &<< 2))
    }

    /// The bits of a word, counted within each 16 bits.
    @inline(__always)
    static func one(_ word: Words) -> Words { inSixteens(inBytes(inNibbles(word))) }

    /// The sum of the four numbers of 16 bits, in the lowest of them.
    @inline(__always)
    static func total(_ sixteens: Words) -> Words {
        let pairs = sixteens &+ (sixteens &>> 32)
        return pairs &+ (pairs &>> 16)
    }

    /// Three bits at each place as a number of two bits.
    @inline(__always)
    private static func add(_ a: Words, _ b: Words, _ c: Words) -> (sum: Words, carry: Words) {
        let either = a ^ b
        return (either ^ c, (a & b) | (either & c))
    }

    @inline(__always)
    private static func inNibbles(_ x: Words) -> Words {
        let pairs = x &- ((x &>> 1) & Words(repeating: 0x5555_5555_5555_5555))
        let mask = Words(repeating: 0x3333_3333_3333_3333)
        return (pairs & mask) &+ ((pairs &>> 2) & mask)
    }

    @inline(__always)
    private static func inBytes(_ nibbles: Words) -> Words {
        let mask = Words(repeating: 0x0F0F_0F0F_0F0F_0F0F)
        return (nibbles & mask) &+ ((nibbles &>> 4) & mask)
    }

    @inline(__always)
    private static func inSixteens(_ bytes: Words) -> Words {
        let mask = Words(repeating: 0x00FF_00FF_00FF_00FF)
        return (bytes & mask) &+ ((bytes &>> 8) & mask)
    }
}
