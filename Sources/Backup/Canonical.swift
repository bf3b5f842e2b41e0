package import Cryptography

/// Something with exactly one encoding (FORMAT.md, "Conventions"): big-endian, lengths in front, nothing
/// optional. What was decoded encodes to the same bytes.
package protocol Canonical {
    init(from reader: inout CanonicalReader) throws(CryptoError)
    func write(to writer: inout CanonicalWriter)
}

extension Canonical {
    /// All of its bytes.
    package var bytes: [UInt8] {
        var writer = CanonicalWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// Reads `bytes` to their end and demands that they are the one encoding.
    ///
    /// - Throws: `.integrity` naming `object` and calling the value `what`.
    package init(whole bytes: [UInt8], _ what: String, object: String) throws(BackupError) {
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            self = try Self(from: &reader)
            try reader.expectEnd()
        } catch {
            throw .integrity(object, "\(what) is malformed")
        }
        guard self.bytes == bytes else { throw .integrity(object, "\(what) is not canonical") }
    }
}

extension CanonicalWriter {
    /// A list: its count, then its elements.
    mutating func list(_ elements: [some Canonical]) {
        count(elements.count)
        for element in elements { element.write(to: &self) }
    }

    /// A list of byte strings, each with its length.
    mutating func blobs(_ elements: [[UInt8]]) {
        count(elements.count)
        for element in elements { blob(element) }
    }

    mutating func i64(_ value: Int64) { u64(UInt64(bitPattern: value)) }
}

extension CanonicalReader {
    /// A list of at most `limit` elements, each of at least `size` bytes, so that a length that lies costs
    /// nothing.
    mutating func list<E: Canonical>(
        of type: E.Type, limit: Int, size: Int
    ) throws(CryptoError) -> [E] {
        let number = try count(limit: limit, elementCount: size)
        var elements: [E] = []
        elements.reserveCapacity(number)
        for _ in 0..<number { elements.append(try E(from: &self)) }
        return elements
    }

    /// A list of at most `limit` byte strings of at most `length` bytes.
    mutating func blobs(limit: Int, length: Int) throws(CryptoError) -> [[UInt8]] {
        var elements: [[UInt8]] = []
        for _ in 0..<(try count(limit: limit, elementCount: 4)) { elements.append(try blob(limit: length)) }
        return elements
    }

    mutating func i64() throws(CryptoError) -> Int64 { Int64(bitPattern: try u64()) }
}

/// The most that any list in a manifest may hold.
let listLimit = 1 << 28
