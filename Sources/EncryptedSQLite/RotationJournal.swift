import Cryptography

/// Pages on their way to another epoch, as they will stand in the main file: written and synced before the
/// first of them is written in place, so that what a power cut tears can be written again. docs/FORMAT.md,
/// "Rotation journal".
///
/// `ATRJ` 4 ‖ format 1 ‖ suite 1 ‖ 0 0 ‖ database id 16 ‖ count u32 ‖ count × (page number u32 ‖ page 4096).
/// Each page authenticates by itself; which pages they are is what the seal says, by a hash over their tags.
struct RotationJournal {
    /// What its file's name ends with.
    static let suffix = "-rotate"
    /// The most pages in a journal: 16 MiB of them.
    static let limit = 4096

    private static let header = 28, entry = 4 + Layout.page

    /// As it stands on disk.
    private(set) var bytes: [UInt8]
    /// The pages in it.
    private(set) var count = 0

    /// A journal with no pages yet, and room for so many.
    init(databaseID: [UInt8], capacity: Int = 0) {
        bytes = Array("ATRJ".utf8) + [Layout.format, Layout.suite, 0, 0] + databaseID + [0, 0, 0, 0]
        bytes.reserveCapacity(RotationJournal.header + capacity * RotationJournal.entry)
    }

    /// Reads a journal; nil for what is none of this database.
    init?(_ bytes: [UInt8], databaseID: [UInt8]) {
        let empty = RotationJournal(databaseID: databaseID)
        guard bytes.count >= RotationJournal.header, bytes[..<24] == empty.bytes[..<24] else { return nil }
        let count = bytes.withUnsafeBytes {
            Int($0.loadUnaligned(fromByteOffset: 24, as: UInt32.self).bigEndian)
        }
        // Behind its pages stands what is left of a longer one.
        let end = RotationJournal.header + count * RotationJournal.entry
        guard count <= RotationJournal.limit, bytes.count >= end else { return nil }
        self.bytes = Array(bytes[..<end])
        self.count = count
    }

    /// Adds a page of 4,096 bytes.
    mutating func append(_ page: UnsafeRawBufferPointer, number: UInt32) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: page)
        count += 1
        for index in 0..<4 { bytes[24 + index] = UInt8(truncatingIfNeeded: count >> (24 - 8 * index)) }
    }

    /// The number of the page at `index`, counted from 0.
    func number(_ index: Int) -> UInt32 {
        let start = RotationJournal.header + index * RotationJournal.entry
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: UInt32.self).bigEndian }
    }

    /// The page at `index`, 4,096 bytes.
    func page(_ index: Int) -> ArraySlice<UInt8> {
        let start = RotationJournal.header + index * RotationJournal.entry + 4
        return bytes[start..<start + Layout.page]
    }

    /// SHA-256 of the database id and of number and tag of each page. A page that authenticates is told by
    /// its tag, so the 4,048 bytes before it need not be hashed.
    func hash() -> [UInt8] {
        var text = Array("ai-team/rotation/v1".utf8) + [0]
        text += bytes[..<RotationJournal.header]
        text.reserveCapacity(text.count + count * (4 + PageTag.count))
        for index in 0..<count {
            let start = page(index).startIndex
            let trailer = start + Layout.body
            text += bytes[start - 4..<start]
            text += bytes[trailer + 40..<trailer + 44]
            text += bytes[trailer..<trailer + 40]
        }
        return Hash.digest(.sha256, text)
    }
}
