/// What a file is, by its name and its first bytes.
enum ContentType {
    /// A MIME type; anything unknown is text when it reads as UTF-8, else `application/octet-stream`.
    static func detect(name: [UInt8], head: [UInt8]) -> String {
        for (magic, type) in magics where head.starts(with: magic.utf8) { return type }
        let text = String(decoding: name, as: UTF8.self).lowercased()
        let isText = looksLikeText(head)
        if let dot = text.lastIndex(of: "."), let type = extensions[String(text[text.index(after: dot)...])] {
            return type.hasPrefix("text/") && !isText ? "application/octet-stream" : type
        }
        return isText ? "text/plain" : "application/octet-stream"
    }

    /// `docs`, `code`, `data` or `files`, for documents that nobody put into a category.
    static func category(_ type: String) -> String {
        switch type {
        case "text/markdown", "text/plain", "text/html", "application/pdf": "docs"
        case let type where type.hasPrefix("text/x-") || type == "text/css" || type == "text/javascript":
            "code"
        case "application/json", "text/csv", "application/yaml", "application/xml", "application/toml": "data"
        default: "files"
        }
    }

    /// The first heading of Markdown, the title of HTML, else the file's name without its extension.
    static func title(name: [UInt8], type: String, head: [UInt8]) -> String {
        var found: Substring?
        if type == "text/markdown" {
            found = heading(in: head.prefix(65_536))
        } else if type == VisibleText.contentType {
            found = VisibleText(html: Array(head.prefix(65_536))).title.map { $0[...] }
        }
        if let found, let title = try? Text.line(oneLine(found), "the title") { return title }
        let file = name.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? name
        let dot = file.lastIndex(of: UInt8(ascii: ".")).flatMap { $0 > 0 ? $0 : nil } ?? file.count
        let stem = oneLine(Substring(String(decoding: file[..<dot], as: UTF8.self)))
        return (try? Text.line(stem, "the title")) ?? "untitled"
    }

    /// What follows `# ` on the first of 200 lines that begins so. By bytes: a file without line ends would
    /// be looked through character by character.
    private static func heading(in head: ArraySlice<UInt8>) -> Substring? {
        head.withUnsafeBytes { bytes in
            var rest = UnsafeRawBufferPointer(rebasing: bytes[...])
            for _ in 0..<200 where !rest.isEmpty {
                let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.count
                let line = UnsafeRawBufferPointer(rebasing: rest[..<end])
                if line.starts(with: "# ".utf8) {
                    return Substring(String(decoding: line.dropFirst(2), as: UTF8.self))
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[min(end + 1, rest.count)...])
            }
            return nil
        }
    }

    private static func oneLine(_ text: Substring) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
    }

    private static func looksLikeText(_ head: [UInt8]) -> Bool {
        guard !head.contains(0) else { return false }
        // The head may end in the middle of a character.
        return (0...min(3, head.count)).contains { cut in
            String(validating: head.dropLast(cut), as: UTF8.self) != nil
        }
    }

    private static let magics: [(StaticBytes, String)] = [
        (StaticBytes("%PDF-"), "application/pdf"), (StaticBytes([0x89, 0x50, 0x4E, 0x47]), "image/png"),
        (StaticBytes([0xFF, 0xD8, 0xFF]), "image/jpeg"), (StaticBytes("GIF8"), "image/gif"),
        (StaticBytes([0x50, 0x4B, 3, 4]), "application/zip"),
        (StaticBytes([0x1F, 0x8B]), "application/gzip"),
    ]

    private struct StaticBytes: Sendable {
        let utf8: [UInt8]
        init(_ text: String) { utf8 = Array(text.utf8) }
        init(_ bytes: [UInt8]) { utf8 = bytes }
    }

    private static let extensions: [String: String] = {
        var table = [
            "md": "text/markdown", "markdown": "text/markdown", "txt": "text/plain", "text": "text/plain",
            "log": "text/plain", "rst": "text/plain", "html": "text/html", "htm": "text/html",
            "css": "text/css", "js": "text/javascript", "mjs": "text/javascript", "csv": "text/csv",
            "json": "application/json", "yaml": "application/yaml", "yml": "application/yaml",
            "xml": "application/xml", "toml": "application/toml", "svg": "image/svg+xml",
            "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ]
        let code = """
            swift py rb rs go java kt c h cc cpp hpp cs ts tsx jsx php pl lua sh bash zsh sql r m mm scala
            hs ml ex exs erl clj dart zig nim vue svelte
            """
        for name in code.split(whereSeparator: \.isWhitespace) { table[String(name)] = "text/x-\(name)" }
        return table
    }()
}
