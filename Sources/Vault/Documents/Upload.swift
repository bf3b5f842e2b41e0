internal import Cryptography
internal import Dispatch
internal import FileSystem
internal import Synchronization

/// How an upload goes: what people give with the files.
public struct UploadOptions: Sendable {
    /// Nil detects one.
    public var category: String?
    /// Nil leaves the tags of known documents alone.
    public var tags: [String]?
    /// The id of a project; empty takes documents out of theirs, nil leaves known ones in it.
    public var projectID: String?
    public var actor = "user"
    /// Cuts texts for the search; nil leaves that to the next search.
    public var indexer: (any DocumentIndexer)?

    public init() {}
}

/// A file whose blob is written, before its rows are.
struct ReadyFile: Sendable {
    var item: UploadItem
    var blob: StagedBlob
    var text: StagedBlob?
    var contentType: String
    var title: String
    var category: String
    var tags: [String]?
    var projectID: String?
    var old: DocumentRecord?
    var isUnchanged: Bool
    /// Where the same content was uploaded from before, when nothing is there any more.
    var oldPath: [UInt8]?
    /// What the index gets of it; nil leaves it to later.
    var index: PreparedIndex?
}

/// What the index gets of a file.
struct PreparedIndex: Sendable {
    var state: IndexState
    var pieces: [DocumentPiece]
    /// The indexer's.
    var version: Int
}

extension Vault {
    /// Uploads files, directories and patterns. A file from a known path becomes a new version of its
    /// document; one with the same content is left alone. Where a file is gone that this device had
    /// uploaded, and another has its content, that was renamed.
    ///
    /// Files go in batches: all cores hash, compress and encrypt to temporary files, then one sync, the
    /// renames, one sync, and one transaction with the rows and the index of them, while the next batch is
    /// read. Long texts are brought into the index behind their batch. A crash leaves whole documents, which
    /// the next search finds missing in the index, and temporary files that `sweepBlobs` removes.
    /// - Parameter progress: called now and then with the files and bytes that were read and encrypted so
    /// far, and the number of files.
    public func upload(
        _ arguments: [[UInt8]], workingDirectory: [UInt8], options: UploadOptions = UploadOptions(),
        progress: (_ files: Int, _ bytes: Int64, _ of: Int) throws -> Void = { _, _, _ in }
    ) throws -> UploadReport {
        var items: [UploadItem] = []
        var seen: Set<[UInt8]> = []
        for argument in arguments {
            items += try PathGlob.expand(argument, workingDirectory: workingDirectory)
                .filter { seen.insert($0.path).inserted }
        }
        return try upload(items, options, progress)
    }

    /// Uploads files that were found.
    func upload(
        _ items: [UploadItem], _ options: UploadOptions,
        _ progress: (_ files: Int, _ bytes: Int64, _ of: Int) throws -> Void
    ) throws -> UploadReport {
        try keepingTemporaries { try uploadAll(items, options, progress) }
    }

    private func uploadAll(
        _ items: [UploadItem], _ options: UploadOptions,
        _ progress: (_ files: Int, _ bytes: Int64, _ of: Int) throws -> Void
    ) throws -> UploadReport {
        var report = UploadReport()
        var bytes: Int64 = 0
        var settling: UploadSettling?
        var ready: [ReadyFile] = []
        do {
            for start in stride(from: 0, to: items.count, by: Self.sliceFiles) {
                let end = min(start + Self.sliceFiles, items.count)
                let slice = try prepareAll(Array(items[start..<end]), options, &report)
                ready += slice
                bytes += slice.reduce(0) { $0 + $1.blob.reference.size }
                if ready.count >= Self.batchFiles || end == items.count {
                    report.uploaded += try settling?.finish() ?? []
                    let batch = ready
                    settling = UploadSettling { try self.settle(batch, options) }
                    ready = []
                }
                try progress(end, bytes, items.count)
            }
            report.uploaded += try settling?.finish() ?? []
        } catch {
            settling?.wait()
            for file in ready { file.removeTemporaries() }
            throw error
        }
        try read { tx in
            for index in report.uploaded.indices {
                report.uploaded[index].chunks = try tx.chunkCount(of: report.uploaded[index].id)
            }
        }
        return report
    }

    /// Files between two looks at the progress, and those that share their syncs and their transaction.
    private static let sliceFiles = 128, batchFiles = 2048

    /// Reads, compresses and encrypts files on all cores.
    private func prepareAll(
        _ items: [UploadItem], _ options: UploadOptions, _ report: inout UploadReport
    ) throws -> [ReadyFile] {
        let known = try read { tx in try items.map { try tx.document(atPath: $0.path) } }
        let slots = Mutex([Result<ReadyFile, any Error>?](repeating: nil, count: items.count))
        DispatchQueue.concurrentPerform(iterations: items.count) { index in
            let result = Result { try self.prepare(items[index], known[index], options) }
            slots.withLock { $0[index] = result }
        }
        var ready: [ReadyFile] = []
        for (item, slot) in zip(items, slots.withLock({ $0 })) {
            switch slot {
            case .success(let file): ready.append(file)
            case .failure(let error):
                report.failed.append(UploadReport.Failure(path: item.path, error: Self.asVaultError(error)))
            case nil: continue
            }
        }
        return ready
    }

    /// Moves the blobs of a batch to their places and writes its rows.
    func settle(_ batch: [ReadyFile], _ options: UploadOptions) throws -> [UploadResult] {
        var ready = batch
        let upload = try surroundings.random(16)
        var unindexed: [String] = []
        let results: [UploadResult]
        do {
            try place(&ready, upload)
            results = try write(actor: options.actor) { tx in
                let wasComplete = try options.indexer.map { try tx.isIndexComplete(version: $0.version) }
                var results: [UploadResult] = []
                for var file in ready {
                    try refresh(&file, tx)
                    for blob in file.blobs where !file.isUnchanged || file.oldPath != nil {
                        try tx.addBlob(blob, stored: Files.status(blobs.path(blob.name))?.size ?? 0)
                    }
                    let id = try tx.recordUpload(file, into: file.old)
                    if try !index(file, id, tx) { unindexed.append(id) }
                    results.append(file.result(id))
                }
                try tx.removeIntents(upload: upload)
                if let indexer = options.indexer, wasComplete == true, unindexed.isEmpty {
                    try tx.noteIndexComplete(version: indexer.version)
                }
                return results
            }
        } catch {
            for file in ready { file.removeTemporaries() }
            throw error
        }
        if let indexer = options.indexer { for id in unindexed { try index(id, indexer) } }
        return results
    }

    /// Writes the index of a file in the transaction of its version.
    /// - Returns: whether it is in the index now.
    private func index(_ file: ReadyFile, _ id: String, _ tx: WriteTransaction) throws -> Bool {
        guard !file.isUnchanged else { return true }
        guard let index = file.index, let row = try tx.row(ofDocument: id) else { return false }
        try tx.setIndex(
            ofDocument: row, sha256: file.blob.reference.sha256, version: index.version, index.state,
            index.pieces)
        return true
    }

    /// Looks again at the document from the file's path: another upload of it may have been faster.
    private func refresh(_ file: inout ReadyFile, _ tx: WriteTransaction) throws {
        let wasUnchanged = file.isUnchanged
        file.old = try tx.document(atPath: file.item.path)
        if file.old == nil, let renamed = try renamedDocument(file, tx) {
            file.old = renamed
            file.oldPath = renamed.path
        }
        file.isUnchanged = file.old?.content.sha256 == file.blob.reference.sha256
        // Nothing was stored for it, and nothing kept what was there from being swept.
        guard wasUnchanged, !file.isUnchanged, try !blobs.isPresent(file.blob.reference) else { return }
        let path = String(decoding: file.item.path, as: UTF8.self)
        throw VaultError(
            .conflict, "'\(path)' was removed while it was uploaded", hint: "upload it again")
    }

    /// A document with the file's content that this device had uploaded from where nothing is any more. What
    /// other devices uploaded has paths of theirs.
    private func renamedDocument(_ file: ReadyFile, _ tx: ReadTransaction) throws -> DocumentRecord? {
        guard !file.item.path.isEmpty else { return nil }
        return try tx.ownDocuments(content: file.blob.reference.sha256).first {
            try !$0.path.isEmpty && RawFiles.mode($0.path, follow: false) == nil
        }
    }

    private static func asVaultError(_ error: any Error) -> VaultError {
        (error as? VaultError) ?? VaultError(.failed, "\(error)")
    }

    /// Reads a file, writes its blob to a temporary file, finds out what it is.
    private func prepare(
        _ item: UploadItem, _ old: DocumentRecord?, _ options: UploadOptions
    ) throws -> ReadyFile {
        let source = try SourceFile(item.path)
        var head: [UInt8] = []
        try source.read(count: Int(min(source.count, 65_536)), at: 0, into: &head)
        let type = ContentType.detect(name: item.name, head: head)
        let writer = BlobWriter(store: blobs, random: surroundings.random)
        var isUnchanged = false
        let blob = try writer.stage(source) { reference in
            isUnchanged = old?.content.sha256 == reference.sha256
            return try isUnchanged || blobs.isPresent(reference)
        }
        var text: StagedBlob?
        var pdfText: [UInt8]?
        if type == "application/pdf", !isUnchanged, let bytes = try PDFText.extract(source) {
            text = try writer.stage(SourceBytes(bytes: bytes)) { try blobs.isPresent($0) }
            pdfText = bytes
        }
        let index = try isUnchanged ? nil : prepareIndex(source, type, blob, pdfText, options.indexer)
        let title = isUnchanged ? old?.title : nil
        let category = try options.category.map { try Text.line($0, "the category") }
        return ReadyFile(
            item: item, blob: blob, text: text, contentType: type,
            title: title ?? ContentType.title(name: item.name, type: type, head: head),
            category: category ?? old?.category ?? ContentType.category(type),
            tags: try options.tags.map(Text.tags), projectID: options.projectID, old: old,
            isUnchanged: isUnchanged, index: index)
    }

    /// Texts up to this length are cut while they are uploaded, in bytes: a batch of them is in memory.
    private static let inlineText = 1 << 20

    /// Cuts a file's text.
    /// - Returns: nil when it is too long, or was changed since its blob was written.
    private func prepareIndex(
        _ source: SourceFile, _ type: String, _ blob: StagedBlob, _ pdfText: [UInt8]?,
        _ indexer: (any DocumentIndexer)?
    ) throws -> PreparedIndex? {
        guard let indexer else { return nil }
        var bytes: [UInt8] = []
        if let pdfText {
            guard pdfText.count <= Self.inlineText else { return nil }
            bytes = pdfText
        } else if SearchableText.isText(type) {
            guard source.count <= Self.inlineText else { return nil }
            try source.read(count: Int(source.count), at: 0, into: &bytes)
            guard Hash.digest(.sha256, bytes) == blob.reference.sha256 else { return nil }
        } else {
            return PreparedIndex(state: .textless, pieces: [], version: indexer.version)
        }
        return PreparedIndex(
            state: .indexed, pieces: indexer.pieces(of: bytes, contentType: type), version: indexer.version)
    }

    /// Announces the blobs, then moves those that are not there yet to their places, and makes that last.
    private func place(_ ready: inout [ReadyFile], _ upload: [UInt8]) throws {
        let changed = ready.filter { !$0.isUnchanged }
        guard !changed.isEmpty else { return }
        try write { try $0.addIntents(changed.flatMap(\.blobs).map(\.name), upload: upload) }
        // Only now it counts whether a blob is there: from here on nobody sweeps it.
        for index in ready.indices where !ready[index].isUnchanged {
            try stageWhatIsGone(&ready[index])
        }
        try blobs.settle(ready.filter { !$0.isUnchanged }.flatMap(\.blobs))
    }

    /// Writes blobs that were there when the file was read and have been swept since.
    private func stageWhatIsGone(_ file: inout ReadyFile) throws {
        func isGone(_ blob: StagedBlob) throws -> Bool {
            try blob.temporary == nil && !Files.exists(blobs.path(blob.name))
        }
        let writer = BlobWriter(store: blobs, random: surroundings.random)
        if try isGone(file.blob) {
            file.blob = try writer.stage(SourceFile(file.item.path)) { _ in false }
        }
        if let text = file.text, try isGone(text),
            let bytes = try PDFText.extract(SourceFile(file.item.path))
        {
            file.text = try writer.stage(SourceBytes(bytes: bytes)) { _ in false }
        }
    }
}

extension ReadyFile {
    fileprivate var blobs: [StagedBlob] { [blob, text].compactMap { $0 } }

    fileprivate func result(_ id: String) -> UploadResult {
        UploadResult(
            id: id, title: title, category: category, size: blob.reference.size,
            status: oldPath != nil ? .updated : isUnchanged ? .unchanged : old == nil ? .new : .updated,
            path: item.path, oldPath: oldPath)
    }

    fileprivate func removeTemporaries() {
        for path in blobs.compactMap(\.temporary) {
            // One that stays is removed by the next sweep.
            do { try Durable.remove(path) } catch { continue }
        }
    }
}
