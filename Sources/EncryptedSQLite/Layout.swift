/// Sizes and places that the files of a database share. docs/FORMAT.md, "Database pages" and "WAL".
enum Layout {
    /// The format and the suite that this program writes.
    static let format: UInt8 = 1
    static let suite: UInt8 = 1

    /// A page as SQLite and the disk see it, in bytes.
    static let page = 4096
    /// What SQLite may use of it; the rest is the trailer.
    static let body = 4048
    /// nonce 24 ‖ tag 16 ‖ epoch 4 ‖ 4 bytes that depend on the kind.
    static let trailer = 48
    /// The bytes of page 1 that are in clear.
    static let clear = 16
    /// The page that holds SQLite's lock bytes at 1 GiB and therefore never exists.
    static let lockPage: UInt32 = 262_145

    /// The database id, random.
    static let databaseID = 16
}

/// The record kinds; each stands in the authenticated data, and each but the page has a key of its own.
enum RecordKind: UInt8 {
    case page = 1, walHeader, walFrame, walPage, seal, temporary

    /// The purpose of the epoch key.
    var purpose: String {
        switch self {
        case .page: "page"
        case .walHeader: "wal-header"
        case .walFrame: "wal-frame"
        case .walPage: "wal-page"
        case .seal: "seal"
        case .temporary: "temporary"
        }
    }
}

/// Where a record belongs. Fields that a kind does not have are zero.
struct Position {
    var generation: UInt64 = 0
    var frame: UInt32 = 0
    var page: UInt32 = 0
}

extension UnsafeRawPointer {
    @inline(__always)
    func big32(_ offset: Int) -> UInt32 {
        UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    @inline(__always)
    func big64(_ offset: Int) -> UInt64 {
        UInt64(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    /// Whether all of `range` is zero.
    @inline(__always)
    func isZero(_ range: Range<Int>) -> Bool {
        var sum: UInt8 = 0
        for offset in range { sum |= load(fromByteOffset: offset, as: UInt8.self) }
        return sum == 0
    }
}

extension UnsafeMutableRawPointer {
    @inline(__always)
    func setBig32(_ offset: Int, _ value: UInt32) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }
    @inline(__always)
    func setBig64(_ offset: Int, _ value: UInt64) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self)
    }
    @inline(__always)
    func zero(_ offset: Int, _ count: Int) {
        (self + offset).initializeMemory(as: UInt8.self, repeating: 0, count: count)
    }
    /// Zeroed memory of `count` bytes, aligned for anything.
    static func zeroed(_ count: Int) -> UnsafeMutableRawPointer {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
        memory.zero(0, count)
        return memory
    }
}
