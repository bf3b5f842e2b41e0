/// One file that an upload takes.
struct UploadItem: Sendable {
    /// Absolute, as bytes: what tells whether a document is new.
    var path: [UInt8]
    /// Relative, as bytes: where an export puts it.
    var name: [UInt8]
}

/// Finds the files that paths and patterns mean. `*`, `?` and `[a-z]` match within a name, `**` any number of
/// directories. Directories are walked; hidden names and links inside them are passed over.
enum PathGlob {
    private static let slash = UInt8(ascii: "/")

    static func expand(_ argument: [UInt8], workingDirectory: [UInt8]) throws -> [UploadItem] {
        let isAbsolute = argument.first == slash
        let full = normalized(isAbsolute ? argument : workingDirectory + [slash] + argument)
        if try RawFiles.mode(full) != nil {
            let base =
                isAbsolute || argument.starts(with: Array("..".utf8))
                ? parent(full) : normalized(workingDirectory)
            return try RawFiles.isDirectory(full)
                ? walk(full, base: parent(full))
                : [item(full, base: full.starts(with: base) ? base : parent(full))]
        }
        let parts = full.split(separator: slash).map(Array.init)
        guard let first = parts.firstIndex(where: isPattern) else {
            throw VaultError(.notFound, "there is no file '\(String(decoding: argument, as: UTF8.self))'")
        }
        let root = [slash] + Array(parts[..<first].joined(separator: [slash]))
        guard try RawFiles.isDirectory(root) else {
            throw VaultError(.notFound, "there is no directory '\(String(decoding: root, as: UTF8.self))'")
        }
        let base =
            isAbsolute || !root.starts(with: normalized(workingDirectory))
            ? root : normalized(workingDirectory)
        var found: [UploadItem] = []
        try match(root, parts[first...], base: base, into: &found)
        guard !found.isEmpty else {
            throw VaultError(.notFound, "no file matches '\(String(decoding: argument, as: UTF8.self))'")
        }
        return found
    }

    private static func match(
        _ directory: [UInt8], _ parts: ArraySlice<[UInt8]>, base: [UInt8], into found: inout [UploadItem]
    ) throws {
        guard let pattern = parts.first else { return }
        let rest = parts.dropFirst()
        let isDeep = pattern == Array("**".utf8)
        if isDeep && !rest.isEmpty { try match(directory, rest, base: base, into: &found) }
        for entry in try RawFiles.list(directory) {
            let path = child(directory, entry.name)
            if entry.name.first == UInt8(ascii: "."), pattern.first != UInt8(ascii: ".") { continue }
            if isDeep {
                if entry.isDirectory { try match(path, parts, base: base, into: &found) }
                if rest.isEmpty && entry.isRegular { found.append(item(path, base: base)) }
            } else if matches(entry.name[...], pattern[...]) {
                if rest.isEmpty && entry.isRegular { found.append(item(path, base: base)) }
                if !rest.isEmpty && entry.isDirectory { try match(path, rest, base: base, into: &found) }
            }
        }
    }

    private static func walk(_ directory: [UInt8], base: [UInt8]) throws -> [UploadItem] {
        var (found, waiting): ([UploadItem], [[UInt8]]) = ([], [directory])
        while let next = waiting.popLast() {
            var directories: [[UInt8]] = []
            for entry in try RawFiles.list(next) where entry.name.first != UInt8(ascii: ".") {
                let path = child(next, entry.name)
                if entry.isDirectory { directories.append(path) }
                if entry.isRegular { found.append(item(path, base: base)) }
            }
            waiting += directories.reversed()
        }
        return found
    }

    private static func item(_ path: [UInt8], base: [UInt8]) -> UploadItem {
        UploadItem(path: path, name: Array(path.dropFirst(base == [slash] ? 1 : base.count + 1)))
    }

    private static func child(_ directory: [UInt8], _ name: [UInt8]) -> [UInt8] {
        directory == [slash] ? directory + name : directory + [slash] + name
    }

    private static func parent(_ path: [UInt8]) -> [UInt8] {
        guard let last = path.lastIndex(of: slash), last > 0 else { return [slash] }
        return Array(path[..<last])
    }

    private static func isPattern(_ part: [UInt8]) -> Bool {
        part.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }
    }

    static func normalized(_ path: [UInt8]) -> [UInt8] {
        var parts: [ArraySlice<UInt8>] = []
        for part in path.split(separator: slash) where !part.elementsEqual([0x2E]) {
            if part.elementsEqual([0x2E, 0x2E]) { _ = parts.popLast() } else { parts.append(part) }
        }
        return [slash] + Array(parts.joined(separator: [slash]))
    }

    /// Matches one name. The work is bounded by name length times pattern length.
    static func matches(_ name: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
        var (n, p) = (name.startIndex, pattern.startIndex)
        var retry: (n: Int, p: Int)?
        while n < name.endIndex {
            if p < pattern.endIndex, pattern[p] == UInt8(ascii: "*") {
                retry = (n, p + 1)
                p += 1
            } else if p < pattern.endIndex, let (nextN, nextP) = step(name, n, pattern, p) {
                (n, p) = (nextN, nextP)
            } else if let last = retry {
                (n, p) = (last.n + 1, last.p)
                retry = (n, last.p)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    private static func step(
        _ name: ArraySlice<UInt8>, _ n: Int, _ pattern: ArraySlice<UInt8>, _ p: Int
    ) -> (Int, Int)? {
        switch pattern[p] {
        case UInt8(ascii: "?"):
            var end = n + 1
            if name[n] >= 0xC0 { while end < name.endIndex && name[end] & 0xC0 == 0x80 { end += 1 } }
            return (end, p + 1)
        case UInt8(ascii: "["):
            guard let close = pattern[(p + 1)...].dropFirst().firstIndex(of: UInt8(ascii: "]")) else { break }
            var set = pattern[(p + 1)..<close]
            let isNegated = set.first == UInt8(ascii: "!") || set.first == UInt8(ascii: "^")
            if isNegated { set = set.dropFirst() }
            var isIn = false
            while let low = set.popFirst() {
                if set.count >= 2, set.first == UInt8(ascii: "-") {
                    _ = set.popFirst()
                    if let high = set.popFirst(), low <= name[n], name[n] <= high { isIn = true }
                } else if low == name[n] {
                    isIn = true
                }
            }
            return isIn != isNegated ? (n + 1, close + 1) : nil
        default: break
        }
        return name[n] == pattern[p] ? (n + 1, p + 1) : nil
    }
}
