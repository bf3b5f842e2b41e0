internal import CArchive
internal import Glibc

/// libarchive, opened at first use: linking it would cost every start of the program some milliseconds.
///
/// This file and the two that read and write tar streams are the only ones that know its functions.
struct ArchiveLibrary: Sendable {
    typealias Handle = OpaquePointer
    typealias Status = @Sendable @convention(c) (Handle) -> Int32
    typealias Text = @Sendable @convention(c) (Handle) -> UnsafePointer<CChar>?
    typealias Number = @Sendable @convention(c) (Handle) -> Int64
    typealias SetText = @Sendable @convention(c) (Handle, UnsafePointer<CChar>) -> Void
    typealias Make = @Sendable @convention(c) () -> Handle?

    /// C: archive_write_new, archive_write_set_format_pax, archive_write_set_bytes_per_block
    let writeNew: Make
    let writeSetFormatPax: Status
    let writeSetBytesPerBlock: @Sendable @convention(c) (Handle, Int32) -> Int32
    /// C: archive_write_open, archive_write_header, archive_write_data, archive_write_close and _free
    let writeOpen:
        @Sendable @convention(c) (
            Handle, UnsafeMutableRawPointer?, Opened?, Written?, Opened?
        ) -> Int32
    let writeHeader: @Sendable @convention(c) (Handle, Handle) -> Int32
    let writeData: @Sendable @convention(c) (Handle, UnsafeRawPointer?, Int) -> Int
    let writeFinishEntry: Status
    let writeClose: Status
    let writeFree: Status

    /// C: archive_read_new and its family
    let readNew: Make
    let readSupportFormatTar: Status
    let readOpen2:
        @Sendable @convention(c) (
            Handle, UnsafeMutableRawPointer?, Opened?, Read?, Skip?, Opened?
        ) -> Int32
    let readNextHeader2: @Sendable @convention(c) (Handle, Handle) -> Int32
    let readData: @Sendable @convention(c) (Handle, UnsafeMutableRawPointer?, Int) -> Int
    let readDataSkip: Status
    let readFree: Status

    let filterBytes: @Sendable @convention(c) (Handle, Int32) -> Int64
    let errorString: Text

    /// C: archive_entry_new and its family
    let entryNew: Make
    let entryFree: @Sendable @convention(c) (Handle) -> Void
    let entryClear: @Sendable @convention(c) (Handle) -> Handle?
    let entryPathname: Text
    let entryHardlink: Text
    let entrySymlink: Text
    let entryFiletype: @Sendable @convention(c) (Handle) -> mode_t
    let entryPerm: @Sendable @convention(c) (Handle) -> mode_t
    let entrySize: Number
    let entrySizeIsSet: Status
    let entryMtime: Number
    let entryMtimeNanoseconds: @Sendable @convention(c) (Handle) -> Int
    let entryCopyPathname: SetText
    let entryCopySymlink: SetText
    let entrySetSize: @Sendable @convention(c) (Handle, Int64) -> Void
    let entrySetFiletype: @Sendable @convention(c) (Handle, UInt32) -> Void
    let entrySetPerm: @Sendable @convention(c) (Handle, mode_t) -> Void
    let entrySetMtime: @Sendable @convention(c) (Handle, time_t, Int) -> Void

    typealias Opened = @convention(c) (Handle?, UnsafeMutableRawPointer?) -> Int32
    typealias Written =
        @convention(c) (
            Handle?, UnsafeMutableRawPointer?, UnsafeRawPointer?, Int
        ) -> Int
    typealias Read =
        @convention(c) (
            Handle?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafeRawPointer?>?
        ) -> Int

    typealias Skip = @convention(c) (Handle?, UnsafeMutableRawPointer?, Int64) -> Int64

    private static let loaded: Result<ArchiveLibrary, BackupError> = {
        do throws(BackupError) { return .success(try ArchiveLibrary()) } catch { return .failure(error) }
    }()

    /// The library's functions.
    ///
    /// - Throws: `.failed` naming the Debian package when the library or one of its functions is missing.
    static func load() throws(BackupError) -> ArchiveLibrary { try loaded.get() }

    private static let soname = "libarchive.so.13"

    /// C: dlopen, dlsym
    private init() throws(BackupError) {
        guard let library = dlopen(Self.soname, RTLD_NOW) else {
            throw BackupError(
                .failed, "\(Self.soname) can't be opened",
                hint: "install the package libarchive13 (apt-get install libarchive13)")
        }
        func symbol<F>(_ name: String) throws(BackupError) -> F {
            guard let address = dlsym(library, name) else {
                throw BackupError(
                    .failed, "\(Self.soname) has no function \(name)",
                    hint: "install Debian's package libarchive13, version 3.6 or newer")
            }
            return unsafeBitCast(address, to: F.self)
        }
        writeNew = try symbol("archive_write_new")
        writeSetFormatPax = try symbol("archive_write_set_format_pax")
        writeSetBytesPerBlock = try symbol("archive_write_set_bytes_per_block")
        writeOpen = try symbol("archive_write_open")
        writeHeader = try symbol("archive_write_header")
        writeData = try symbol("archive_write_data")
        writeFinishEntry = try symbol("archive_write_finish_entry")
        writeClose = try symbol("archive_write_close")
        writeFree = try symbol("archive_write_free")
        readNew = try symbol("archive_read_new")
        readSupportFormatTar = try symbol("archive_read_support_format_tar")
        readOpen2 = try symbol("archive_read_open2")
        readNextHeader2 = try symbol("archive_read_next_header2")
        readData = try symbol("archive_read_data")
        readDataSkip = try symbol("archive_read_data_skip")
        readFree = try symbol("archive_read_free")
        filterBytes = try symbol("archive_filter_bytes")
        errorString = try symbol("archive_error_string")
        entryNew = try symbol("archive_entry_new")
        entryFree = try symbol("archive_entry_free")
        entryClear = try symbol("archive_entry_clear")
        entryPathname = try symbol("archive_entry_pathname")
        entryHardlink = try symbol("archive_entry_hardlink")
        entrySymlink = try symbol("archive_entry_symlink")
        entryFiletype = try symbol("archive_entry_filetype")
        entryPerm = try symbol("archive_entry_perm")
        entrySize = try symbol("archive_entry_size")
        entrySizeIsSet = try symbol("archive_entry_size_is_set")
        entryMtime = try symbol("archive_entry_mtime")
        entryMtimeNanoseconds = try symbol("archive_entry_mtime_nsec")
        entryCopyPathname = try symbol("archive_entry_copy_pathname")
        entryCopySymlink = try symbol("archive_entry_copy_symlink")
        entrySetSize = try symbol("archive_entry_set_size")
        entrySetFiletype = try symbol("archive_entry_set_filetype")
        entrySetPerm = try symbol("archive_entry_set_perm")
        entrySetMtime = try symbol("archive_entry_set_mtime")
    }

    /// The library's last message about `handle`.
    func message(_ handle: Handle) -> String {
        errorString(handle).map { String(cString: $0) } ?? "unknown error"
    }
}

/// What a member of a tar archive is.
public enum MemberKind: Sendable, Equatable {
    case file, directory
    /// A symbolic link and what it points to (bytes as they stand in the header).
    case symbolicLink([UInt8])
    /// Hard links, devices, pipes, sockets: never written, never accepted.
    case other
}

/// One member's header.
public struct MemberHeader: Sendable {
    /// The name as bytes; not checked.
    public var path: [UInt8]
    public var kind: MemberKind
    /// Bytes of content.
    public var size: Int64
    /// The nine permission bits.
    public var permissions: UInt16
    /// Nanoseconds since 1970.
    public var modified: Int64

    /// A header; `permissions` default to what only the owner may read.
    public init(
        path: [UInt8], kind: MemberKind = .file, size: Int64 = 0, permissions: UInt16 = 0o600,
        modified: Int64 = 0
    ) {
        self.path = path
        self.kind = kind
        self.size = size
        self.permissions = permissions
        self.modified = modified
    }
}
