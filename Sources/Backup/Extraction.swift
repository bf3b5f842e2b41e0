/// Unpacks a tar archive that nobody vouches for.
///
/// Files, directories and links that stay inside are written by `SafeTree`; everything else (devices, hard
/// links, absolute names, `..`, names that come twice, links out, anything beyond the limits) stops the
/// extraction with an error that names the member. What had been written until then stays: extract into a
/// directory made for it.
package enum Extraction {
    /// What an extraction made.
    package struct Result: Sendable, Equatable {
        package var files = 0
        package var bytes: Int64 = 0
    }

    /// Extracts `source` into `directory`, which exists.
    ///
    /// - Parameter accept: members for which it returns false are skipped.
    /// - Throws: `.integrity` naming the member; `.failed` for the file system.
    @discardableResult
    package static func extract(
        name: String, into directory: String, limits: PaxReader.Limits = PaxReader.Limits(),
        accept: (RelativePath) -> Bool = { _ in true }, _ source: @escaping PaxReader.Source
    ) throws -> Result {
        let reader = try PaxReader(name: name, limits: limits, source)
        let tree = try SafeTree(directory)
        var result = Result()
        while let member = try reader.next() {
            guard let path = RelativePath(member.path) else {
                throw BackupError.integrity(member.path.printable, "a name that leaves the directory")
            }
            guard accept(path) else { continue }
            switch member.kind {
            case .directory:
                try tree.directory(path, permissions: member.permissions, modified: member.modified)
            case .symbolicLink(let destination):
                try tree.link(path, to: destination, modified: member.modified)
            case .file:
                try tree.file(path, permissions: member.permissions, modified: member.modified) { write in
                    while case let bytes = try reader.read(1 << 18), !bytes.isEmpty {
                        try bytes.withUnsafeBytes { try write($0) }
                    }
                }
                result.files += 1
                result.bytes += member.size
            case .other:
                throw BackupError.integrity(
                    path.bytes.printable, "a member that is neither a file nor a directory nor a link")
            }
        }
        try tree.finish()
        return result
    }
}
