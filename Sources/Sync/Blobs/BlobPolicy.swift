/// When the contents of documents travel; their records travel with the knowledge base in any case.
public enum BlobPolicy: String, Sendable, CaseIterable {
    /// What others have uploaded is got after every pull.
    case eager
    /// It is got when somebody asks for it.
    case lazy
    /// Nothing is sent and nothing is got: what names a content that the remote lacks waits here.
    case off
}

/// How the transfer of blobs goes on.
public struct BlobProgress: Sendable {
    /// Which way they go.
    public enum Direction: Sendable { case up, down }

    /// Which way they go.
    public let direction: Direction
    /// Bytes of content that were moved, and of all that will be.
    public let done: Int64
    public let total: Int64
}
