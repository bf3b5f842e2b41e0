import ArgumentParser
import FileSystem
import Glibc
import Knowledge
import Vault

/// `kb upload PATH…`.
struct DocumentUpload: Command {
    static let configuration = CommandConfiguration(
        commandName: "upload", abstract: "Store files, directories and patterns as encrypted documents.",
        discussion: """
            Patterns with ** are expanded by the program too. A file from a known path becomes a \
            new version; one \
            with the same content is left alone; one that was renamed is recognised by its content.

            EXAMPLES:
              ai-team kb upload README.md
              ai-team kb upload 'docs/**/*.md' --category guide --tag manual --project website
            """)

    @Argument(help: "Files, directories, patterns.") var paths: [String]
    @Option(help: ArgumentHelp("The category; found out when not given.", valueName: "category"))
    var category: String?
    @Option(help: ArgumentHelp("A tag; may be repeated.", valueName: "tag")) var tag: [String] = []
    @Option(help: ArgumentHelp("The project, by id or name; '' is none.", valueName: "project"))
    var project: String?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        var uploading = UploadOptions()
        uploading.category = category
        uploading.tags = tag.isEmpty ? nil : tag
        uploading.projectID = try vault.projectID(project)
        uploading.indexer = try context.indexer()
        let progress = Progress("uploading", console: context.console)
        let report = try vault.upload(
            RawArguments.bytes(of: paths), workingDirectory: Array(absolute(".").utf8), options: uploading
        ) { files, _, total in progress.update(done: Int64(files), total: Int64(total)) }
        progress.finish()
        context.console.emit(report) {
            report.uploaded.map {
                "\($0.oldPath == nil ? $0.status.rawValue : "renamed")  \($0.id.shortID)  "
                    + "\(sizeText($0.size))  \(counted($0.chunks, "passage"))  \($0.title.printable)"
            }
        }
        for failure in report.failed {
            let path = String(decoding: failure.path, as: UTF8.self).printable
            context.console.warn("\(path): \(failure.error.message)")
        }
        if !report.failed.isEmpty { context.exitStatus = 1 }
    }
}

/// `kb get ID`.
struct DocumentGet: Command {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Write a document's content, in plain text.",
        discussion: """
            EXAMPLES:
              ai-team kb get 7f3k2q | less
              ai-team kb get 7f3k2q -o manual.md --version 2
            """)

    @Argument(help: "The document's id, or at least 4 characters of its beginning or end.") var id: String
    @Option(name: .shortAndLong, help: ArgumentHelp("A new file; - is standard output.", valueName: "file"))
    var output = "-"
    @Option(help: ArgumentHelp("An older version.", valueName: "n")) var version: Int?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        let document = try vault.read { try $0.document($0.resolve(id, .document)) }
        try context.fetch(vault.missingContent(document.id, version: version), of: document.id)
        guard output != "-" else {
            return try vault.readDocument(document.id, version: version) { StandardOutput.write($0) }
        }
        let file = try File.open(output, .createNew)
        var offset: Int64 = 0
        do {
            try vault.readDocument(document.id, version: version) { bytes in
                try file.write(bytes, at: offset)
                offset += Int64(bytes.count)
            }
        } catch {
            unlink(output)  // what was written is not the whole document
            throw error
        }
        let count = offset
        context.console.emit({ writer in
            writer.object {
                $0.field("id", document.id)
                $0.field("path", output)
                $0.field("size", count)
            }
        }) { ["wrote \(output), \(sizeText(count))"] }
    }
}

/// `kb export DIR`.
struct DocumentExport: Command {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write all documents into a directory, in plain text.",
        discussion: """
            Nothing that is there is overwritten.

            EXAMPLES:
              ai-team kb export exported
            """)

    @Argument(help: "The directory; made when it is not there.") var directory: String
    @Option(help: ArgumentHelp("Only this category.", valueName: "category")) var category: String?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let target = RawArguments.bytes(of: [directory])[0]
        let vault = try context.vault()
        func elsewhere() throws -> [DocumentRecord] {
            try vault.read { try $0.documents(category: category).items.filter { !$0.isHere } }
        }
        for document in try elsewhere() {
            guard context.tryToFetch(try vault.missingContent(document.id), of: document.id) else { break }
        }
        let count = try vault.exportDocuments(to: target, category: category)
        let missing = try elsewhere()
        context.console.emit({ writer in
            writer.object {
                $0.field("exported", count)
                $0.field("missing", missing.map(\.id))
                $0.field("path", directory)
            }
        }) { ["wrote \(counted(count, "document")) to \(directory)"] }
        guard !missing.isEmpty else { return }
        context.console.warn(
            "left out \(counted(missing.count, "document")) whose contents are not on this device: "
                + missing.prefix(5).map(\.id).joined(separator: ", "))
        context.exitStatus = Failure.Code.failed.exitStatus
    }
}

/// Arguments as the bytes that they are: Swift's strings repair what is not UTF-8.
enum RawArguments {
    /// The bytes of each word, from the command line itself where they are not UTF-8.
    static func bytes(of words: [String]) -> [[UInt8]] {
        var raw: [String: [UInt8]] = [:]
        for index in 0..<Int(CommandLine.argc) {
            guard let pointer = CommandLine.unsafeArgv[index] else { continue }
            let bytes = pointer.withMemoryRebound(to: UInt8.self, capacity: strlen(pointer)) {
                Array(UnsafeBufferPointer(start: $0, count: strlen(pointer)))
            }
            raw[String(decoding: bytes, as: UTF8.self)] = bytes
        }
        return words.map { raw[$0] ?? Array($0.utf8) }
    }
}

extension Vault {
    /// The id of the project that `--project` names; empty stays empty, which takes documents out of theirs.
    func projectID(_ named: String?) throws -> String? {
        try named.map { name in try name.isEmpty ? "" : read { try $0.resolveProject(name) } }
    }
}
