extension Vault {
    /// Gives the content of a document, or of one of its versions, in order. Pieces are authentic when
    /// they come;
    /// an error after the last one means that the whole is not what was uploaded.
    public func readDocument(
        _ id: String, version: Int? = nil, _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let reference = try reference(id, version)
        try requireHere([reference], of: id)
        try naming(id) { try blobs.read(reference, emit) }
    }

    /// A part of a document's content.
    public func readDocument(_ id: String, version: Int? = nil, range: Range<Int64>) throws -> [UInt8] {
        let reference = try reference(id, version)
        try requireHere([reference], of: id)
        return try naming(id) { try blobs.read(reference, range: range) }
    }

    /// The text of a document as far as there is one: its own, what a page of HTML shows, or what was taken
    /// out of a PDF. Offsets of passages are places in it.
    /// - Parameter limit: at most so many bytes.
    public func documentText(_ id: String, limit: Int = 1 << 20) throws -> String? {
        let document = try read { try $0.document(id) }
        let isText = SearchableText.isText(document.contentType)
        guard let source = document.extractedText ?? (isText ? document.content : nil) else { return nil }
        try requireHere([source], of: id)
        let isHTML = document.contentType == VisibleText.contentType
        var bytes = try naming(id) {
            try blobs.read(source, range: 0..<(isHTML ? SearchableText.most : Int64(limit)))
        }
        if isHTML { bytes = Array(VisibleText(html: bytes).bytes.prefix(limit)) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The content of a document, or of one of its versions, if it is not on this device.
    public func missingContent(_ id: String, version: Int? = nil) throws -> [BlobReference] {
        let reference = try reference(id, version)
        return try isHere(reference) ? [] : [reference]
    }

    /// Whether a blob's file is here or should be.
    func isHere(_ reference: BlobReference) throws -> Bool {
        try read { try $0.isHere(reference) } || blobs.isPresent(reference)
    }

    /// - Throws: `not_found` when one of these is not on this device.
    func requireHere(_ references: [BlobReference], of document: String) throws {
        for reference in references where try !isHere(reference) {
            throw VaultError(
                .notFound,
                "the content of \(document) is not on this device yet: another one has uploaded it",
                hint: "get it from the remote with `ai-team sync pull`, or `ai-team --mode auto kb get`")
        }
    }

    /// Tells a blob that is damaged or missing with the document that it belongs to.
    func naming<T>(_ document: String, _ body: () throws -> T) throws -> T {
        do { return try body() } catch let error as VaultError {
            guard error.code == .integrityFailure || error.code == .notFound else { throw error }
            throw VaultError(error.code, "document \(document): \(error.message)", hint: error.hint)
        }
    }

    private func reference(_ id: String, _ version: Int?) throws -> BlobReference {
        try read { tx in
            let document = try tx.document(id)
            guard let version, version != document.version else { return document.content }
            guard let match = try tx.versions(of: id).first(where: { $0.number == version }) else {
                throw VaultError(
                    .notFound, "\(id) has no version \(version)", hint: "it has 1 to \(document.version)")
            }
            return match.content
        }
    }
}
