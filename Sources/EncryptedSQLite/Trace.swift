import FileSystem

/// Announces what happens to files, for the power-cut tests. Nearly free while nobody records.
enum Trace {
    @inline(__always)
    static func write(_ path: String, _ offset: Int64, _ bytes: @autoclosure () -> [UInt8]) {
        IOTrace.note(.write(path: path, offset: offset, bytes: bytes()))
    }

    static func truncate(_ path: String, _ size: Int64) { IOTrace.note(.truncate(path: path, size: size)) }
    static func open(_ path: String) { IOTrace.note(.open(path: path)) }
    static func sync(_ path: String) { IOTrace.note(.sync(path: path)) }
    static func syncDirectory(_ path: String) { IOTrace.note(.syncDirectory(path: path)) }
    static func rename(_ old: String, _ new: String) { IOTrace.note(.rename(from: old, to: new)) }
    static func link(_ old: String, _ new: String) { IOTrace.note(.link(from: old, to: new)) }
    static func remove(_ path: String) { IOTrace.note(.remove(path: path)) }
}
