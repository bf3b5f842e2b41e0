/// Writes the canonical encoding of everything that is signed or authenticated: numbers big-endian, strings
/// and blobs with a length of 32 bits before them, no optional fields. docs/FORMAT.md, "Conventions".
public struct CanonicalWriter: Sendable {
    /// What was written so far.
    public private(set) var bytes: [UInt8] = []

    /// An empty encoding.
    public init() {}

    /// One byte.
    public mutating func u8(_ value: UInt8) { bytes.append(value) }
    /// Two bytes, big-endian.
    public mutating func u16(_ value: UInt16) { integer(value) }
    /// Four bytes, big-endian.
    public mutating func u32(_ value: UInt32) { integer(value) }
    /// Eight bytes, big-endian.
    public mutating func u64(_ value: UInt64) { integer(value) }
    /// Bytes of a length that the reader knows.
    public mutating func raw(_ value: [UInt8]) { bytes.append(contentsOf: value) }

    /// A length (32 bits) and the bytes.
    public mutating func blob(_ value: [UInt8]) {
        u32(UInt32(value.count))
        raw(value)
    }

    /// A length (32 bits) and the UTF-8 of the string, as it is: nothing is normalised.
    public mutating func string(_ value: String) { blob(Array(value.utf8)) }

    /// The count of a list (32 bits); its elements follow.
    public mutating func count(_ value: Int) { u32(UInt32(value)) }

    private mutating func integer(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
}

/// Reads the canonical encoding. Every length is checked against a limit and against what is there before
/// anything is taken; everything else is `malformed`.
public struct CanonicalReader: Sendable {
    private let bytes: [UInt8]
    /// How many bytes were read.
    public private(set) var offset = 0

    /// A reader at the start of `bytes`.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// How many bytes are left.
    public var remaining: Int { bytes.count - offset }

    /// One byte.
    public mutating func u8() throws(CryptoError) -> UInt8 { try integer() }
    /// Two bytes, big-endian.
    public mutating func u16() throws(CryptoError) -> UInt16 { try integer() }
    /// Four bytes, big-endian.
    public mutating func u32() throws(CryptoError) -> UInt32 { try integer() }
    /// Eight bytes, big-endian.
    public mutating func u64() throws(CryptoError) -> UInt64 { try integer() }

    /// `count` bytes.
    public mutating func raw(_ count: Int) throws(CryptoError) -> [UInt8] {
        guard count >= 0, count <= remaining else { throw CanonicalReader.malformed("it ends too early") }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    /// A length (32 bits), at most `limit`, and as many bytes.
    public mutating func blob(limit: Int) throws(CryptoError) -> [UInt8] {
        let count = try Int(u32())
        guard count <= limit else { throw CanonicalReader.malformed("a length is above its limit") }
        return try raw(count)
    }

    /// A length (32 bits), at most `limit` bytes, and valid UTF-8.
    public mutating func string(limit: Int) throws(CryptoError) -> String {
        guard let string = String(validating: try blob(limit: limit), as: UTF8.self) else {
            throw CanonicalReader.malformed("a string is not UTF-8")
        }
        return string
    }

    /// The count of a list (32 bits), at most `limit`, whose elements have at least `elementCount` bytes
    /// each.
    public mutating func count(limit: Int, elementCount: Int = 1) throws(CryptoError) -> Int {
        let count = try Int(u32())
        guard count <= limit, count * elementCount <= remaining else {
            throw CanonicalReader.malformed("a list is above its limit")
        }
        return count
    }

    /// Throws unless everything was read.
    public func expectEnd() throws(CryptoError) {
        guard remaining == 0 else { throw CanonicalReader.malformed("bytes follow its end") }
    }

    private mutating func integer<T: FixedWidthInteger>() throws(CryptoError) -> T {
        let count = T.bitWidth / 8
        guard count <= remaining else { throw CanonicalReader.malformed("it ends too early") }
        let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) }
        offset += count
        return T(bigEndian: value)
    }

    private static func malformed(_ what: String) -> CryptoError {
        CryptoError(.malformed, "a record is malformed: \(what)")
    }
}
