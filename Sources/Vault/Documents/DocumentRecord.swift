internal import FoundationEssentials

/// A document with its newest version.
public struct DocumentRecord: Sendable, Equatable {
    public var id: String
    public var title: String
    public var category: String
    public var tags: [String]
    /// The id of the project that it belongs to.
    public var projectID: String?
    public var contentType: String
    /// Bytes of the newest version.
    public var size: Int64
    /// The newest version's number, from 1.
    public var version: Int
    /// Relative, as bytes: where an export puts it. Need not be UTF-8.
    public var name: [UInt8]
    /// Where it came from, absolute, as bytes.
    public var path: [UInt8]
    public var createdAt: Timestamp
    public var updatedAt: Timestamp
    public var deletedAt: Timestamp?
    public var content: BlobReference
    /// The text that was taken out of a PDF.
    public var extractedText: BlobReference?
    /// Whether the newest version's content is on this device: what comes from others follows its record.
    public var isHere: Bool
}

extension DocumentRecord: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("id", id)
            writer.field("title", title)
            writer.field("category", category)
            writer.field("tags", tags)
            writer.field("project_id", projectID)
            writer.field("size", size)
            writer.field("content_type", contentType)
            writer.field("version", version)
            writer.field("created_at", createdAt)
            writer.field("updated_at", updatedAt)
            writer.field("deleted_at", deletedAt)
            writer.field("sha256", Hex.encode(content.sha256))
            writer.field("is_here", isHere)
            writer.pathField("name", name)
            writer.pathField("path", path)
        }
    }
}

extension JSONWriter {
    /// A path as text, and as `<key>_b64` its bytes when they are not UTF-8.
    public mutating func pathField(_ name: String, _ path: [UInt8]) {
        field(name, String(decoding: path, as: UTF8.self))
        if String(validating: path, as: UTF8.self) == nil {
            field(name + "_b64", Data(path).base64EncodedString())
        }
    }
}

/// One version of a document.
public struct DocumentVersion: Sendable, Equatable {
    public var id: String
    public var documentID: String
    public var number: Int
    public var contentType: String
    public var createdAt: Timestamp
    public var content: BlobReference
    public var extractedText: BlobReference?
    /// Whether its content is on this device.
    public var isHere: Bool
}

extension DocumentVersion: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("id", id)
            writer.field("document_id", documentID)
            writer.field("version", number)
            writer.field("size", content.size)
            writer.field("content_type", contentType)
            writer.field("created_at", createdAt)
            writer.field("sha256", Hex.encode(content.sha256))
            writer.field("is_here", isHere)
        }
    }
}

/// What became of one file of an upload.
public struct UploadResult: Sendable, Equatable, JSONEncodable {
    public enum Status: String, Sendable { case new, updated, unchanged }

    public var id: String
    public var title: String
    public var category: String
    public var size: Int64
    public var status: Status
    public var path: [UInt8]
    /// Where the file was when it was uploaded last, when it was renamed since.
    public var oldPath: [UInt8]?
    /// The passages that it was cut into for the search.
    public internal(set) var chunks = 0

    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("id", id)
            writer.field("title", title)
            writer.field("category", category)
            writer.field("size", size)
            writer.field("chunks", chunks)
            writer.field("status", status.rawValue)
            writer.pathField("path", path)
            if let oldPath { writer.pathField("renamed_from", oldPath) }
        }
    }
}

/// What an upload did, file by file; one that could not be read stops none of the others.
public struct UploadReport: Sendable, JSONEncodable {
    public struct Failure: Sendable, JSONEncodable {
        public let path: [UInt8]
        public let error: VaultError

        public func encode(to writer: inout JSONWriter) {
            writer.object { writer in
                writer.pathField("path", path)
                writer.field("error", error.message)
            }
        }
    }

    public internal(set) var uploaded: [UploadResult] = []
    public internal(set) var failed: [Failure] = []

    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("uploaded", uploaded)
            writer.field("failed", failed)
        }
    }
}
