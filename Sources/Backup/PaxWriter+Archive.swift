internal import CArchive
internal import Glibc

/// Writes a POSIX pax tar stream, member by member, to a sink.
///
/// Names are bytes: valid UTF-8 goes out as UTF-8, anything else with `hdrcharset=BINARY`. Owners are not
/// written. Not thread-safe; one writer makes one archive.
package final class PaxWriter {
    package typealias Sink = (UnsafeRawBufferPointer) throws -> Void

    private let library: ArchiveLibrary
    private let archive: ArchiveLibrary.Handle
    private let entry: ArchiveLibrary.Handle
    /// What the callback from C needs; `self` would be a cycle.
    private final class Target {
        let sink: Sink
        var failure: (any Error)?
        init(_ sink: @escaping Sink) { self.sink = sink }
    }
    private let target: Target
    /// Bytes of the current member that are still to come.
    private var remaining: Int64 = 0
    private var isOpen = true

    /// Bytes handed to the sink so far. After `begin` it is the offset of the member's content.
    package var offset: Int64 { library.filterBytes(archive, -1) }

    /// Opens an archive that goes to `sink` in pieces of any size.
    ///
    /// - Throws: `.failed` when libarchive is missing or refuses.
    package init(_ sink: @escaping Sink) throws {
        library = try ArchiveLibrary.load()
        guard let archive = library.writeNew(), let entry = library.entryNew() else {
            throw BackupError(.failed, "out of memory")
        }
        self.archive = archive
        self.entry = entry
        target = Target(sink)
        var status = library.writeSetFormatPax(archive)
        if status == ARCHIVE_OK { status = library.writeSetBytesPerBlock(archive, 0) }
        if status == ARCHIVE_OK {
            let written: ArchiveLibrary.Written = { _, context, bytes, count in
                guard let context else { return -1 }
                let target = Unmanaged<Target>.fromOpaque(context).takeUnretainedValue()
                do {
                    try target.sink(UnsafeRawBufferPointer(start: bytes, count: count))
                    return count
                } catch {
                    target.failure = error
                    return -1
                }
            }
            status = library.writeOpen(
                archive, Unmanaged.passUnretained(target).toOpaque(), nil, written, nil)
        }
        try check(status)
    }

    deinit {
        // Freeing an archive closes it, which writes: after a failure there must be nobody to write to.
        _ = library.writeFree(archive)
        library.entryFree(entry)
    }

    /// Begins a member; its content follows by `write`, exactly `header.size` bytes.
    ///
    /// - Throws: the sink's error, or `.failed`.
    package func begin(_ header: MemberHeader) throws {
        try finishMember()
        _ = library.entryClear(entry)
        (header.path + [0]).withUnsafeBufferPointer { name in
            name.withMemoryRebound(to: CChar.self) {
                library.entryCopyPathname(entry, $0.baseAddress!)
            }
        }
        switch header.kind {
        case .file:
            library.entrySetFiletype(entry, UInt32(Glibc.S_IFREG))
            library.entrySetSize(entry, header.size)
            remaining = header.size
        case .directory:
            library.entrySetFiletype(entry, UInt32(Glibc.S_IFDIR))
        case .symbolicLink(let destination):
            library.entrySetFiletype(entry, UInt32(Glibc.S_IFLNK))
            (destination + [0]).withUnsafeBufferPointer { name in
                name.withMemoryRebound(to: CChar.self) {
                    library.entryCopySymlink(entry, $0.baseAddress!)
                }
            }
        case .other:
            throw BackupError(.failed, "only files, directories and links go into an archive")
        }
        library.entrySetPerm(entry, mode_t(header.permissions))
        let (seconds, nanoseconds) = header.modified.quotientAndFloorRemainder(by: 1_000_000_000)
        library.entrySetMtime(entry, time_t(seconds), Int(nanoseconds))
        // A name that is not UTF-8 is a warning: it goes out as bytes.
        try check(NamesLocale.utf8.with { library.writeHeader(archive, entry) }, warningsAllowed: true)
    }

    /// Adds content to the member that was begun.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard Int64(bytes.count) <= remaining else {
            throw BackupError(.failed, "more content than the header of an archive member says")
        }
        var rest = bytes
        while !rest.isEmpty {
            let count = library.writeData(archive, rest.baseAddress, rest.count)
            guard count > 0 else {
                try check(Int32(clamping: count == 0 ? -1 : count))
                return
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            remaining -= Int64(count)
        }
    }

    /// Adds a whole member; returns the offset of its content in the stream.
    @discardableResult
    package func add(_ header: MemberHeader, _ content: [UInt8]) throws -> Int64 {
        var header = header
        header.size = Int64(content.count)
        try begin(header)
        let start = offset
        try content.withUnsafeBytes { try write($0) }
        return start
    }

    /// Writes the end of the archive. Nothing may be added after it.
    package func finish() throws {
        try finishMember()
        isOpen = false
        try check(library.writeClose(archive))
    }

    private func finishMember() throws {
        guard isOpen else { throw BackupError(.failed, "the archive is finished") }
        guard remaining == 0 else {
            throw BackupError(.failed, "less content than the header of an archive member says")
        }
    }

    private func check(_ status: Int32, warningsAllowed: Bool = false) throws {
        if let failure = target.failure { throw failure }
        if status == ARCHIVE_OK || (warningsAllowed && status == ARCHIVE_WARN) { return }
        throw BackupError(.failed, "writing an archive failed: \(library.message(archive))")
    }
}

extension Int64 {
    /// Division whose remainder is never negative.
    fileprivate func quotientAndFloorRemainder(by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
