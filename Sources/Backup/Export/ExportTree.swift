package import Vault

/// The tree that `backup export` writes and that `restore --only` chooses from:
///
///     database/ai-team.sqlite      records/<kind>.jsonl
///     documents/<name>             the newest version of each document
///     documents/.versions/<document id>/<number>-<name>
///     files/<absolute path>        files from outside the vault
///
/// Names of documents are anybody's, and these stay inside: no `..`, no control characters, at most 255 bytes
/// each; what would be the same name, or differ from it only in case, gets ` (2)` and so on.
package struct ExportTree {
    /// One version of a document.
    package struct Version: Sendable {
        package var documentID: String
        /// From 1.
        package var number: Int
        /// The document's name as bytes: relative, with slashes.
        package var name: [UInt8]

        package init(documentID: String, number: Int, name: [UInt8]) {
            self.documentID = documentID
            self.number = number
            self.name = name
        }

        package init(_ version: StoredVersion) {
            self.init(documentID: version.documentID, number: version.number, name: version.name)
        }
    }

    /// A path that an export adds by itself.
    package static let database = Self.path("database/ai-team.sqlite")
    /// Above files from outside the vault.
    package static let files = Self.path("files")
    /// The directories at its top.
    static let roots: Set<String> = ["database", "records", "documents", "files"]
    /// What only the backup's database tells.
    static var fromDatabase: [RelativePath] {
        [database] + ExportedRecords.allCases.map { records($0.rawValue) }
    }
    /// The directory at the top below which everything stands that a pattern can meet; nil when it may meet
    /// what is anywhere.
    static func root(of pattern: [UInt8]) -> String? {
        let slash = UInt8(ascii: "/")
        let names = pattern.split(separator: slash)
        guard let first = names.first, names.count > 1 || pattern.first == slash else { return nil }
        let root = String(decoding: first, as: UTF8.self)
        return roots.contains(root) ? root : nil
    }

    /// Where the lines of a kind stand.
    package static func records(_ kind: String) -> RelativePath { path("records/\(kind).jsonl") }

    /// Bytes and levels of a document's path at most: whatever its name, it is a path that fits.
    private static let pathLimit = 2000
    private static let levelLimit = 128
    private var folders: [[UInt8]: Folder] = [:]

    /// Where each of `versions` stands, in the same order. The same versions in another order, documents
    /// compared with each other, may get other numbers: both sides sort them by document and version.
    package static func paths(of versions: [Version]) -> [RelativePath] {
        var tree = ExportTree()
        var newest: [String: Int] = [:]
        for (row, version) in versions.enumerated() {
            guard let known = newest[version.documentID] else {
                newest[version.documentID] = row
                continue
            }
            if versions[known].number <= version.number { newest[version.documentID] = row }
        }
        return versions.enumerated().map { row, version in
            newest[version.documentID] == row ? tree.add(version) : tree.addOld(version)
        }
    }

    private mutating func add(_ version: Version) -> RelativePath {
        var parts = ExportName.parts(version.name, fallback: version.documentID).map(Self.plain)
        parts = parts.suffix(Self.levelLimit)
        while parts.count > 1, parts.reduce(0, { $0 + $1.count + 1 }) > Self.pathLimit { parts.removeFirst() }
        return place(parts, in: Array("documents".utf8))
    }

    private mutating func addOld(_ version: Version) -> RelativePath {
        let name = ExportName.parts(version.name, fallback: version.documentID).last ?? []
        let numbered = ExportName.cut(Array("\(version.number)-".utf8) + Self.plain(name), 255)
        let id = Self.plain(ExportName.cut(Array(version.documentID.utf8), 255))
        return place([id, numbered], in: Self.versions)
    }

    private static let versions = Array("documents/.versions".utf8)

    /// Not empty, no slash, no control character, no `.` and no `..`.
    private static func plain(_ name: [UInt8]) -> [UInt8] {
        let plain = name.map { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0 }
        let isName = plain.count > 2 || plain.contains { $0 != UInt8(ascii: ".") }
        return isName ? plain : Array("_".utf8) + plain
    }

    private mutating func place(_ parts: [[UInt8]], in root: [UInt8]) -> RelativePath {
        var path = root
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            let isTop = index == 0 && root != Self.versions
            let name = folders[path, default: Folder(reserved: isTop)].name(part, isDirectory: !isLast)
            path += [UInt8(ascii: "/")] + name
        }
        return Self.path(path)
    }

    private static func path(_ text: String) -> RelativePath { path(Array(text.utf8)) }

    /// What stands here was made plain before.
    private static func path(_ bytes: [UInt8]) -> RelativePath {
        guard let path = RelativePath(bytes) else { preconditionFailure("a path that is not plain") }
        return path
    }
}

/// The names in one directory of the tree.
private struct Folder {
    private enum Use {
        case file
        case directory([UInt8])
    }
    private var names: [String: Use] = [:]
    /// The number that was given last to a name.
    private var numbers: [String: Int] = [:]

    /// `reserved`: `.versions` is taken.
    init(reserved: Bool) {
        if reserved { names[".versions"] = .file }
    }

    /// The name that `wanted` gets; directories of one name are one.
    mutating func name(_ wanted: [UInt8], isDirectory: Bool) -> [UInt8] {
        let folded = Self.fold(wanted)
        if isDirectory, case .directory(let name)? = names[folded] { return name }
        var name = wanted
        while let use = names[Self.fold(name)] {
            if isDirectory, case .directory(let known) = use { return known }
            let number = (numbers[folded] ?? 1) + 1
            numbers[folded] = number
            name = ExportName.numbered(wanted, number)
        }
        names[Self.fold(name)] = isDirectory ? .directory(name) : .file
        return name
    }

    private static func fold(_ name: [UInt8]) -> String { String(decoding: name, as: UTF8.self).lowercased() }
}
