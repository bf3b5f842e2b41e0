/// Nowhere: what would be written is counted, and its content is not read.
package struct ExportCount: ExportTarget {
    package init() {}

    package var takesContent: Bool { false }

    package func add(_ header: ExportHeader, _ content: ExportContent) throws {}

    package func add(_ header: ExportHeader) throws {}

    package func finish() throws {}
}
