/// What is written at a place of the tree.
package struct ExportHeader: Sendable {
    package var path: RelativePath
    package var kind: MemberKind = .file
    /// Bytes of content.
    package var size: Int64 = 0
    /// The nine permission bits.
    package var permissions: UInt16 = 0o600
    /// Nanoseconds since 1970.
    package var modified: Int64
}

/// Gives content in order to a function that appends it.
package typealias ExportContent = (_ write: @escaping (UnsafeRawBufferPointer) throws -> Void) throws -> Void

/// Where an export goes.
package protocol ExportTarget {
    /// Whether content is asked for; else nobody needs to read it.
    var takesContent: Bool { get }
    /// Writes a file; `content` appends exactly `header.size` bytes.
    func add(_ header: ExportHeader, _ content: ExportContent) throws
    /// Makes a directory or a link.
    func add(_ header: ExportHeader) throws
    /// Ends the whole.
    func finish() throws
}

extension ExportTarget {
    package var takesContent: Bool { true }
}

/// A pax tar.
package final class ExportArchive: ExportTarget {
    private let tar: PaxWriter

    /// An archive that goes to `sink`, piece by piece.
    package init(_ sink: @escaping PaxWriter.Sink) throws { tar = try PaxWriter(sink) }

    package func add(_ header: ExportHeader, _ content: ExportContent) throws {
        try add(header)
        try content(tar.write)
    }

    package func add(_ header: ExportHeader) throws {
        try tar.begin(
            MemberHeader(
                path: header.path.bytes, kind: header.kind, size: header.size,
                permissions: header.permissions, modified: header.modified))
    }

    package func finish() throws { try tar.finish() }
}

/// A directory, which exists: nothing in it is overwritten and no link followed.
package final class ExportDirectory: ExportTarget {
    /// The first directory that could not get its permissions.
    private final class Failure { var error: BackupError? }

    private let tree: SafeTree
    /// Writes files from outside the vault, which come in order.
    private let outside: OrderedTree
    private let failure = Failure()

    package init(_ directory: String) throws {
        tree = try SafeTree(directory, names: .keep)
        outside = try OrderedTree(directory, names: .keep) { [failure] _, error in
            if failure.error == nil { failure.error = error }
        }
    }

    package func add(_ header: ExportHeader, _ content: ExportContent) throws {
        func write(_ write: (UnsafeRawBufferPointer) throws -> Void) throws {
            try withoutActuallyEscaping(write) { try content($0) }
        }
        let (path, permissions, modified) = (header.path, header.permissions, header.modified)
        if path.components.first == ExportTree.files.components.first {
            try outside.file(path, permissions: permissions, modified: modified, write)
        } else {
            try tree.file(path, permissions: permissions, modified: modified, write)
        }
    }

    package func add(_ header: ExportHeader) throws {
        guard case .symbolicLink(let destination) = header.kind else {
            return try outside.directory(
                header.path, permissions: header.permissions, modified: header.modified)
        }
        try outside.link(header.path, to: destination, modified: header.modified)
    }

    package func finish() throws {
        try outside.finish()
        try tree.finish()
        if let error = failure.error { throw error }
    }
}
