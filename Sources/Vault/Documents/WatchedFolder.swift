/// By what a changed file is known without being read.
struct FileMark: Sendable, Equatable {
    /// Bytes.
    let size: Int64
    let inode: UInt64
    /// Nanoseconds since 1970.
    let modified: Int64
}

/// A folder that is kept in step with documents: what a look at it remembers for the next one.
public struct WatchedFolder: Sendable {
    /// Absolute.
    let path: [UInt8]
    /// The files as they were when they were uploaded last.
    fileprivate var taken: [[UInt8]: FileMark] = [:]
    /// The files that had changed at the last look. They are taken when they have not changed once more, so
    /// that one is not read while somebody writes it.
    fileprivate var changing: [[UInt8]: FileMark] = [:]
    fileprivate var isFirst = true

    /// - Parameters:
    ///   - path: relative to `workingDirectory` or absolute, as bytes.
    ///   - workingDirectory: absolute.
    /// - Throws: `not_found` where no directory is.
    public init(_ path: [UInt8], workingDirectory: [UInt8]) throws {
        let slash = UInt8(ascii: "/")
        self.path = PathGlob.normalized(path.first == slash ? path : workingDirectory + [slash] + path)
        guard try RawFiles.isDirectory(self.path) else { throw Self.missing(self.path) }
    }

    fileprivate static func missing(_ path: [UInt8]) -> VaultError {
        VaultError(
            .notFound, "there is no directory '\(String(decoding: path, as: UTF8.self))'",
            hint: "what was uploaded from it stays; watch it again when it is back")
    }
}

/// What a look at a watched folder led to.
public struct WatchReport: Sendable {
    /// New, changed and renamed files.
    public internal(set) var uploaded: [UploadResult] = []
    /// Files that could not be read; the next look tries them again.
    public internal(set) var failed: [UploadReport.Failure] = []
    /// Documents whose files are gone, which are in the trash now.
    public internal(set) var trashed: [DocumentRecord] = []
    /// How many files are gone whose documents stay, since they are too many at once.
    public internal(set) var withheld = 0
    /// Whether files were changing a moment ago, so that the next look has something to do.
    public internal(set) var isUnsettled = false

    /// Whether nothing was done.
    public var isEmpty: Bool { uploaded.isEmpty && failed.isEmpty && trashed.isEmpty }
}

extension Vault {
    /// Looks at a folder once: uploads what is new in it or has changed since the last look, and puts the
    /// documents into the trash whose files are gone. The first look takes everything as it is.
    ///
    /// Of documents that this device has uploaded from below the folder no more than a fifth, or 10, go at
    /// once: an empty place where a disk was mounted is no wish to delete.
    /// - Parameter allowsMassDeletion: lets them go however many they are.
    /// - Throws: `not_found` when the folder itself is gone.
    public func look(
        at folder: inout WatchedFolder, options: UploadOptions = UploadOptions(),
        allowsMassDeletion: Bool = false,
        progress: (_ files: Int, _ bytes: Int64, _ of: Int) throws -> Void = { _, _, _ in }
    ) throws -> WatchReport {
        guard try RawFiles.isDirectory(folder.path) else { throw WatchedFolder.missing(folder.path) }
        var report = WatchReport()
        var (due, changing): ([UploadItem], [[UInt8]: FileMark]) = ([], [:])
        var marks: [[UInt8]: FileMark] = [:]
        for item in try PathGlob.expand(folder.path, workingDirectory: [UInt8(ascii: "/")]) {
            guard let mark = try RawFiles.mark(item.path) else { continue }
            marks[item.path] = mark
            guard folder.taken[item.path] != mark else { continue }
            if folder.isFirst || folder.changing[item.path] == mark {
                due.append(item)
            } else {
                changing[item.path] = mark
            }
        }
        // Before anything is put into the trash: a file that was renamed is its document's new place.
        if !due.isEmpty {
            let uploaded = try upload(due, options, progress)
            report.uploaded = uploaded.uploaded.filter { $0.status != .unchanged }
            report.failed = uploaded.failed
        }
        let failed = Set(report.failed.map(\.path))
        for item in due where !failed.contains(item.path) { folder.taken[item.path] = marks[item.path] }
        folder.taken = folder.taken.filter { marks[$0.key] != nil }
        folder.changing = changing.merging(marks.filter { failed.contains($0.key) }) { $1 }
        folder.isFirst = false
        report.isUnsettled = !folder.changing.isEmpty
        // While files change, one of them may be what another one was renamed to.
        if !report.isUnsettled { try dropWhatIsGone(folder, allowsMassDeletion, options, &report) }
        return report
    }

    private func dropWhatIsGone(
        _ folder: WatchedFolder, _ allowsMassDeletion: Bool, _ options: UploadOptions,
        _ report: inout WatchReport
    ) throws {
        let all = try read { try $0.ownDocuments(below: folder.path + [UInt8(ascii: "/")]) }
        let gone = try all.filter { try RawFiles.mode($0.path, follow: false) == nil }
        guard !gone.isEmpty else { return }
        guard allowsMassDeletion || gone.count <= max(10, all.count / 5) else {
            report.withheld = gone.count
            return
        }
        report.trashed = try write(actor: options.actor) { tx in
            try gone.compactMap { document in
                // Another process may have been faster.
                guard try tx.document(document.id).deletedAt == nil else { return nil }
                return try tx.deleteDocument(document.id)
            }
        }
    }
}

extension WatchReport: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("uploaded", uploaded)
            writer.field("trashed", trashed)
            writer.field("withheld", withheld)
            writer.field("failed", failed)
        }
    }
}
