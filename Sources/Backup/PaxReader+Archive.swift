internal import CArchive
internal import Glibc

/// Reads a tar stream member by member, with a limit for everything a hostile archive could inflate.
///
/// Only tar, uncompressed: a compressed stream is not recognised, so it can't be a bomb. Not thread-safe.
package final class PaxReader {
    /// What an archive may at most hold.
    package struct Limits: Sendable {
        package var members = 1_000_000
        package var nameBytes = 16_384
        package var memberBytes: Int64 = 1 << 46
        package var totalBytes: Int64 = 1 << 46

        package init() {}
    }

    /// Returns the next bytes of the stream, an empty array at its end.
    package typealias Source = () throws -> [UInt8]
    /// Passes over at most so many bytes of the stream that nobody wants; returns how many.
    package typealias Skip = (Int64) -> Int64

    private let library: ArchiveLibrary
    private let archive: ArchiveLibrary.Handle
    private let entry: ArchiveLibrary.Handle
    private let limits: Limits
    private let name: String
    private var members = 0
    private var total: Int64 = 0
    private var remaining: Int64 = 0

    private final class Origin {
        let source: Source
        let skip: Skip
        var failure: (any Error)?
        /// Alive until the next callback, as libarchive asks.
        var block = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        init(_ source: @escaping Source, _ skip: @escaping Skip) {
            self.source = source
            self.skip = skip
        }
        deinit { block.deallocate() }
    }
    private let origin: Origin

    /// Where the content of the current member begins, counted from the start of the stream.
    package var offset: Int64 { library.filterBytes(archive, 0) }

    /// Opens the stream.
    ///
    /// - Parameters:
    ///   - name: what error messages call the archive.
    ///   - skip: for content that is not read.
    package init(
        name: String, limits: Limits = Limits(), skip: @escaping Skip = { _ in 0 },
        _ source: @escaping Source
    ) throws {
        library = try ArchiveLibrary.load()
        guard let archive = library.readNew(), let entry = library.entryNew() else {
            throw BackupError(.failed, "out of memory")
        }
        self.archive = archive
        self.entry = entry
        self.limits = limits
        self.name = name
        origin = Origin(source, skip)
        try check(library.readSupportFormatTar(archive))
        let read: ArchiveLibrary.Read = { _, context, result in
            guard let context, let result else { return -1 }
            let origin = Unmanaged<Origin>.fromOpaque(context).takeUnretainedValue()
            do {
                let bytes = try origin.source()
                origin.block.deallocate()
                origin.block = .allocate(byteCount: max(bytes.count, 1), alignment: 1)
                origin.block.copyBytes(from: bytes)
                result.pointee = UnsafeRawPointer(origin.block.baseAddress)
                return bytes.count
            } catch {
                origin.failure = error
                return -1
            }
        }
        let pass: ArchiveLibrary.Skip = { _, context, count in
            guard let context else { return 0 }
            return Unmanaged<Origin>.fromOpaque(context).takeUnretainedValue().skip(count)
        }
        let context = Unmanaged.passUnretained(origin).toOpaque()
        try check(library.readOpen2(archive, context, nil, read, pass, nil))
    }

    deinit {
        _ = library.readFree(archive)
        library.entryFree(entry)
    }

    /// The next member, or nil at the end of the archive.
    ///
    /// - Throws: `.integrity` for damage and for anything beyond the limits; the source's own errors.
    package func next() throws -> MemberHeader? {
        // Under the C locale names are the bytes that stand there: no conversion, no normalisation (and a
        // warning for each that is not ASCII).
        let status = NamesLocale.bytes.with { library.readNextHeader2(archive, entry) }
        if let failure = origin.failure { throw failure }
        if status == ARCHIVE_EOF { return nil }
        guard status == ARCHIVE_OK || status == ARCHIVE_WARN else {
            try check(status)
            return nil
        }
        members += 1
        guard members <= limits.members else { throw refusal("more than \(limits.members) members") }
        guard let text = library.entryPathname(entry) else { throw refusal("a member without a name") }
        let path = try bytes(text)
        let size = library.entrySizeIsSet(entry) != 0 ? library.entrySize(entry) : 0
        guard size >= 0, size <= limits.memberBytes, size <= limits.totalBytes - total else {
            throw refusal("a member of \(size) bytes is more than allowed")
        }
        total += size
        remaining = size
        return MemberHeader(
            path: path, kind: try kind(), size: size,
            permissions: UInt16(library.entryPerm(entry) & 0o777),
            modified: modified())
    }

    /// Up to `count` bytes of the current member's content; empty at its end.
    package func read(_ count: Int) throws -> [UInt8] {
        let wanted = Int(min(Int64(count), remaining))
        guard wanted > 0 else { return [] }
        var status = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, written in
            status = library.readData(archive, buffer.baseAddress, wanted)
            written = max(0, status)
        }
        if status < 0 { try check(Int32(clamping: status)) }
        guard !bytes.isEmpty else { throw refusal("a member ends before its length") }
        remaining -= Int64(bytes.count)
        return bytes
    }

    private func kind() throws -> MemberKind {
        if library.entryHardlink(entry) != nil { return .other }
        switch library.entryFiletype(entry) & Glibc.S_IFMT {
        case Glibc.S_IFREG: return .file
        case Glibc.S_IFDIR: return .directory
        case Glibc.S_IFLNK:
            guard let text = library.entrySymlink(entry) else { return .other }
            return .symbolicLink(try bytes(text))
        default: return .other
        }
    }

    private func modified() -> Int64 {
        let (nanoseconds, overflow) = library.entryMtime(entry)
            .multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return 0 }
        let (sum, overflowed) =
            nanoseconds
            .addingReportingOverflow(Int64(library.entryMtimeNanoseconds(entry)))
        return overflowed ? 0 : sum
    }

    private func bytes(_ text: UnsafePointer<CChar>) throws -> [UInt8] {
        let count = strnlen(text, limits.nameBytes + 1)
        guard count <= limits.nameBytes else {
            throw refusal("a name of more than \(limits.nameBytes) bytes")
        }
        return UnsafeRawBufferPointer(start: text, count: count).map { $0 }
    }

    private func refusal(_ message: String) -> BackupError { .integrity(name, "hostile archive: \(message)") }

    private func check(_ status: Int32) throws {
        if let failure = origin.failure { throw failure }
        if status == ARCHIVE_OK || status == ARCHIVE_WARN { return }
        throw BackupError.integrity(name, "damaged archive: \(library.message(archive))")
    }
}
