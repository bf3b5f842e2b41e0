internal import Dispatch
internal import FileSystem
internal import Synchronization

/// How an upload goes: what people give with the files.
public struct UploadOptions: Sendable {
    /// Nil detects one.
    public var category: String?
    /// Nil leaves the tags of known documents alone.
    public var tags: [String]?
    public var actor = "user"

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
    var old: DocumentRecord?
    var isUnchanged: Bool
}

extension Vault {
    /// Uploads files, directories and patterns. A file from a known path becomes a new version of its
    /// document;
    /// one with the same content is left alone.
    ///
    /// Files go in batches: all cores hash, compress and encrypt to temporary files, then one sync, the
    /// renames, one sync, and one transaction with the rows, while the next batch is read. A crash leaves
    /// whole documents and temporary files that `sweepBlobs` removes.
    /// - Parameter progress: called now and then with the files and bytes that were read and encrypted so
    /// far, and the number of files.
    public func upload(
        _ arguments: [[UInt8]], workingDirectory: [UInt8], options: UploadOptions = UploadOptions(),
        progress: (_ files: Int, _ bytes: Int64, _ of: Int) throws -> Void = { _, _, _ in }
    ) throws -> UploadReport {
        try keepingTemporaries { try uploadAll(arguments, workingDirectory, options, progress) }
    }

    private func uploadAll(
        _ arguments: [[UInt8]], _ workingDirectory: [UInt8], _ options: UploadOptions,
        _ progress: (_ files: Int, _ bytes: Int64, _ of: Int) throws -> Void
    ) throws -> UploadReport {
        var items: [UploadItem] = []
        var seen: Set<[UInt8]> = []
        for argument in arguments {
            items += try PathGlob.expand(argument, workingDirectory: workingDirectory)
                .filter { seen.insert($0.path).inserted }
        }
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
                    let (batch, actor) = (ready, options.actor)
                    settling = UploadSettling { try self.settle(batch, actor: actor) }
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
    private func settle(_ batch: [ReadyFile], actor: String) throws -> [UploadResult] {
        var ready = batch
        let upload = try surroundings.random(16)
        do {
            try place(&ready, upload)
            return try write(actor: actor) { tx in
                var results: [UploadResult] = []
                for var file in ready {
                    try refresh(&file, tx)
                    for blob in file.blobs where !file.isUnchanged {
                        try tx.addBlob(blob, stored: Files.status(blobs.path(blob.name))?.size ?? 0)
                    }
                    results.append(file.result(try tx.recordUpload(file, into: file.old)))
                }
                try tx.removeIntents(upload: upload)
                return results
            }
        } catch {
            for file in ready { file.removeTemporaries() }
            throw error
        }
    }

    /// Looks again at the document from the file's path: another upload of it may have been faster.
    private func refresh(_ file: inout ReadyFile, _ tx: WriteTransaction) throws {
        let wasUnchanged = file.isUnchanged
        file.old = try tx.document(atPath: file.item.path)
        file.isUnchanged = file.old?.content.sha256 == file.blob.reference.sha256
        // Nothing was stored for it, and nothing kept what was there from being swept.
        guard wasUnchanged, !file.isUnchanged, try !blobs.isPresent(file.blob.reference) else { return }
        let path = String(decoding: file.item.path, as: UTF8.self)
        throw VaultError(
            .conflict, "'\(path)' was removed while it was uploaded", hint: "upload it again")
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
        if type == "application/pdf", !isUnchanged, let bytes = try PDFText.extract(source) {
            text = try writer.stage(SourceBytes(bytes: bytes)) { try blobs.isPresent($0) }
        }
        let title = isUnchanged ? old?.title : nil
        let category = try options.category.map { try Text.line($0, "the category") }
        return ReadyFile(
            item: item, blob: blob, text: text, contentType: type,
            title: title ?? ContentType.title(name: item.name, type: type, head: head),
            category: category ?? old?.category ?? ContentType.category(type),
            tags: try options.tags.map(Text.tags), old: old, isUnchanged: isUnchanged)
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
            status: isUnchanged ? .unchanged : old == nil ? .new : .updated, path: item.path)
    }

    fileprivate func removeTemporaries() {
        for path in blobs.compactMap(\.temporary) {
            // One that stays is removed by the next sweep.
            do { try Durable.remove(path) } catch { continue }
        }
    }
}
