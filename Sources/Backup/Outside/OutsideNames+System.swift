internal import Glibc

/// The names in a directory, in one piece of memory: a walk makes no object for each.
struct OutsideNames {
    /// Each with its NUL.
    private var bytes: [UInt8] = []
    private var starts: [UInt32] = []

    /// How many there are.
    var count: Int { starts.count }

    init() {}

    /// One name.
    init(_ name: [UInt8]) {
        bytes = name + [0]
        starts = [0]
    }

    /// Adds a name that ends with NUL, unless it is `.` or `..`.
    mutating func append(_ name: UnsafeRawPointer) {
        let count = strlen(name.assumingMemoryBound(to: CChar.self))
        let first = name.load(as: UInt8.self)
        if first == 0x2E, count == 1 || (count == 2 && name.load(fromByteOffset: 1, as: UInt8.self) == 0x2E) {
            return
        }
        starts.append(UInt32(bytes.count))
        bytes.append(contentsOf: UnsafeRawBufferPointer(start: name, count: count + 1))
    }

    /// Puts them into the order of their bytes.
    mutating func sort() {
        bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            base.withMemoryRebound(to: CChar.self, capacity: bytes.count) { base in
                starts.sort { strcmp(base + Int($0), base + Int($1)) < 0 }
            }
        }
    }

    func name(_ index: Int) -> OutsideName { OutsideName(names: bytes, start: Int(starts[index])) }
}

/// A name in a directory.
struct OutsideName {
    fileprivate let names: [UInt8]
    fileprivate let start: Int

    fileprivate init(names: [UInt8], start: Int) {
        self.names = names
        self.start = start
    }

    /// Lends the name and its NUL.
    func withCString<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
        names.withUnsafeBytes { bytes in
            body(bytes.baseAddress!.assumingMemoryBound(to: CChar.self) + start)
        }
    }

    /// The name without its NUL.
    var bytes: ArraySlice<UInt8> {
        names[start...].prefix { $0 != 0 }
    }
}
