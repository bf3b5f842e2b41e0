extension Vault {
    /// Writes the newest version of every document, in plaintext, into a directory, under the names they were
    /// uploaded with. Names can't lead out of the directory: `.` and `..` parts and control characters are
    /// replaced, links are never followed, and nothing that is there is overwritten.
    /// Documents whose contents are not on this device are left out.
    /// - Returns: how many files were written.
    public func exportDocuments(to directory: [UInt8], category: String? = nil) throws -> Int {
        try RawFiles.makeDirectory(directory)
        let documents = try read { try $0.documents(category: category).items }.filter(\.isHere)
        for document in documents.reversed() {
            let parts = ExportName.parts(document.name, fallback: document.id)
            var target = directory
            for part in parts.dropLast() {
                target += [ExportName.slash] + part
                try RawFiles.makeDirectory(target)
            }
            target += [ExportName.slash]
            let name = try ExportName.free(parts[parts.count - 1]) {
                try RawFiles.mode(target + $0, follow: false) != nil
            }
            try RawFiles.write(target + name) { emit in
                try naming(document.id) { try blobs.read(document.content, emit) }
            }
        }
        return documents.count
    }
}

/// Names for exported files.
package enum ExportName {
    static let slash = UInt8(ascii: "/")

    /// The safe parts of a relative name; at least one.
    package static func parts(_ name: [UInt8], fallback: String) -> [[UInt8]] {
        let parts = name.split(separator: slash).compactMap { part -> [UInt8]? in
            if part.elementsEqual(".".utf8) { return nil }
            if part.elementsEqual("..".utf8) { return Array("__".utf8) }
            return cut(part, 255).map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "_") : $0 }
        }
        return parts.isEmpty ? [Array(fallback.utf8)] : Array(parts.suffix(64))
    }

    /// The name, or with ` (2)` and so on before its extension when it is taken.
    static func free(_ name: [UInt8], _ isTaken: ([UInt8]) throws -> Bool) throws -> [UInt8] {
        guard try isTaken(name) else { return name }
        for number in 2...100_000 {
            let candidate = numbered(name, number)
            if try !isTaken(candidate) { return candidate }
        }
        throw VaultError(.failed, "too many documents have the same name")
    }

    /// `name (number).extension`, in at most 255 bytes.
    package static func numbered(_ name: [UInt8], _ number: Int) -> [UInt8] {
        let suffix = Array(" (\(number))".utf8)
        // What is longer than this is no extension.
        let dot = name.lastIndex(of: UInt8(ascii: ".")).flatMap { $0 > 0 && name.count - $0 <= 32 ? $0 : nil }
        let end = dot ?? name.count
        return cut(name[..<end], 255 - suffix.count - (name.count - end)) + suffix + name[end...]
    }

    /// At most `count` bytes, not cut within a character of UTF-8.
    package static func cut(_ name: some BidirectionalCollection<UInt8>, _ count: Int) -> [UInt8] {
        guard name.count > count else { return Array(name) }
        let bytes = Array(name.prefix(count + 1))
        var end = count
        while end > max(0, count - 3), bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return Array(bytes[..<(bytes[end] & 0xC0 == 0x80 ? count : end)])
    }
}
